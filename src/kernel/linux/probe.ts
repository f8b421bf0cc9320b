import { accessSync, constants, statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Probe, Probed } from "#ports/probe";
import { AT, AT_FDCWD, O } from "./flags.ts";
import { look } from "./launch-helpers.ts";
import { procTakesPidns } from "./launch-system.ts";
import { findInstaller, hasLibrary } from "./seccomp.ts";
import { openat, openat2, withFd } from "./syscalls-file.ts";
import { fsconfigFd, fsconfigString, fsopen, mountSetattr, moveMount, openTree } from "./syscalls-mount.ts";

/** statfs(2), linux/magic.h. */
const TYPES: Readonly<Record<number, string>> = {
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x01021994: "tmpfs",
  0x794c7630: "overlay",
  0x6969: "nfs",
  0x65735546: "fuse",
  0x2fc12fc1: "zfs",
  0xf2f52010: "f2fs",
  0x858458f6: "ramfs",
  0x01021997: "9p",
};
const DIRECTORIES = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];
const NO_FD = -1;

/** Descriptors that are none, contexts that are thrown away: nothing on the host is different afterwards. */
export function linuxProbe(): Probe {
  return {
    openFileSystem: (type) => tried(() => withFd(fsopen(type), () => undefined)),
    overlayLayers: (by) =>
      tried(() =>
        withFd(fsopen("overlay"), (fs) => {
          if (by === "string") fsconfigString(fs, "lowerdir+", "/");
          else withFd(openat(AT_FDCWD, "/", O.PATH | O.DIRECTORY), (fd) => fsconfigFd(fs, "lowerdir+", fd));
        }),
      ),
    call: (name) =>
      tried(() => {
        if (name === "open_tree") openTree(NO_FD, "", AT.EMPTY_PATH);
        if (name === "mount_setattr") mountSetattr(NO_FD, "", AT.EMPTY_PATH, {});
        if (name === "move_mount") moveMount(NO_FD, NO_FD);
        if (name === "openat2") openat2(NO_FD, "x", O.PATH, 0);
      }),
    procPidns: () => tried(() => procTakesPidns() || refuse()),
    fileSystem: (path) => {
      const at = nearest(path);
      const { type, bavail, bsize } = statfsSync(at, { bigint: true });
      const known = TYPES[Number(type & 0xffffffffn)];
      return { type: known ?? `0x${type.toString(16)}`, free: bavail * bsize, readOnly: !writable(at) };
    },
    filter() {
      if (!hasLibrary()) return { missing: "library" };
      if (tried(() => procTakesPidns() || refuse()) === "ok") return { by: "envctl" };
      const setpriv = look(["setpriv"]);
      const installer = setpriv === undefined ? undefined : findInstaller(setpriv);
      return installer === undefined ? { missing: "installer" } : { by: installer.words[0] ?? setpriv! };
    },
    program: (name) =>
      DIRECTORIES.map((dir) => `${dir}/${name}` as AbsPath).find((path) => allows(path, constants.X_OK)),
  };
}

function tried(call: () => void): Probed {
  try {
    call();
    return "ok";
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** What an unknown option is refused with. */
function refuse(): never {
  throw new KernelError("fsconfig", "EINVAL");
}

const writable = (path: string): boolean => allows(path, constants.W_OK);

function nearest(path: string): string {
  return path === "/" || allows(path, constants.F_OK) ? path : nearest(dirname(path));
}
