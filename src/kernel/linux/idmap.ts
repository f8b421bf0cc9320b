import { writeFileSync } from "node:fs";
import { failure, KernelError } from "#model/diagnostic";
import type { ShownOwner } from "#model/resource";
import { AT, AT_FDCWD, MOUNT_ATTR } from "./flags.ts";
import { find } from "./launch-helpers.ts";
import { reapWithin } from "./launch-children.ts";
import { readWithin, spawn } from "./launch-spawn.ts";
import { nodeCall } from "./node-call.ts";
import { close, openat, pipe2, withFd } from "./syscalls-file.ts";
import { mountSetattr } from "./syscalls-mount.ts";

const PATIENCE_MS = 10_000;
/** 2^32-1 is no id (credentials(7)). */
const LAST = 4294967294;

/**
 * Shows files of a detached tree that belong to `uid` and `gid` as another's, and gives them what that one makes. The kernel asks for a user
 * namespace that says how (mount_setattr(2), MOUNT_ATTR_IDMAP; 5.12). @throws Failure where the file system cannot; KernelError
 */
export function showAs(tree: number, { uid, gid, as }: ShownOwner): void {
  withFd(namespaceOf(idMap(uid, as.uid), idMap(gid, as.gid)), (usernsFd) => {
    try {
      mountSetattr(tree, "", AT.EMPTY_PATH | AT.RECURSIVE, { set: MOUNT_ATTR.IDMAP, usernsFd });
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === "EINVAL")) throw error;
      throw failure(
        1,
        "kernel",
        "its files cannot be shown as another's: this file system has no id-mapped mounts here",
        {
          call: error.call,
          errno: error.errno,
          hint: "leave `owner: caller` out, or keep the directory on ext4, xfs or btrfs (tmpfs: Linux 6.3, not in every build)",
        },
      );
    }
  });
}

/** Lines of `on disk, shown, how many`: one id as the other, which then stands for nobody, and all the rest as they are. */
export function idMap(disk: number, shown: number): string {
  const [low, high] = [Math.min(disk, shown), Math.max(disk, shown)];
  const same = [
    [0, low - 1],
    [low + 1, high - 1],
    [high + 1, LAST],
  ] as const;
  const lines = same.filter(([first, last]) => last >= first).map(([a, z]) => `${a} ${a} ${z - a + 1}`);
  return [`${disk} ${shown} 1`, ...lines].join("\n");
}

/** A descriptor of a user namespace with these maps, whose one process has ended. */
function namespaceOf(uids: string, gids: string): number {
  const [ok, okWrite] = pipe2();
  const [goRead, go] = pipe2();
  let pid: number | undefined;
  try {
    try {
      const wait = ["-c", "echo ok >&3; read -r _ <&4"];
      pid = spawn([find("unshare"), "--user", find("dash", "sh"), ...wait], [], [okWrite, goRead]);
    } finally {
      close(okWrite);
      close(goRead);
    }
    if (readWithin(ok, PATIENCE_MS) !== "ok\n")
      throw failure(1, "kernel", "a user namespace for `owner: caller` could not be made", {
        hint: "user.max_user_namespaces may be 0: sysctl user.max_user_namespaces=10000",
      });
    for (const [name, text] of [
      ["uid_map", uids],
      ["gid_map", gids],
    ] as const)
      nodeCall(
        "open",
        () => `write(/proc/${pid}/${name})`,
        () => writeFileSync(`/proc/${pid}/${name}`, text),
      );
    return openat(AT_FDCWD, `/proc/${pid}/ns/user`, 0);
  } finally {
    close(ok);
    close(go);
    if (pid !== undefined) reapWithin(pid, PATIENCE_MS);
  }
}
