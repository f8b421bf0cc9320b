import { fstatSync } from "node:fs";
import { failure, KernelError } from "#model/diagnostic";
import { newMount, newTmpfs } from "./context.ts";
import { AT, AT_FDCWD, MOUNT_ATTR, O, OPEN_TREE } from "./flags.ts";
import { attach, attachAndClose } from "./launch-system.ts";
import { mkdirat, openat, symlinkat, withFd } from "./syscalls-file.ts";
import { fsconfigString, mountSetattr, moveMount, openTree } from "./syscalls-mount.ts";

const { NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;

/** Device numbers of <linux/major.h> and drivers/char/mem.c. */
const NODES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

const LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

/** A detached devpts: terminals that are nobody else's. @throws KernelError */
export function newPts(): number {
  try {
    return ptsOf([["gid", "5"]]);
  } catch (error) {
    // In a user namespace without subordinate ids nobody is group 5; older kernels say so only at the end.
    if (!(error instanceof KernelError && error.errno === "EINVAL")) throw error;
    return ptsOf([]);
  }
}

function ptsOf(more: readonly (readonly [key: string, value: string])[]): number {
  return newMount("devpts", "devpts", NOSUID | NOEXEC, "devpts", (fs) => {
    for (const [key, value] of [["ptmxmode", "0666"], ["mode", "620"], ...more] as const)
      fsconfigString(fs, key, value);
  });
}

/**
 * A tmpfs at /dev with the nodes every program expects, shared memory of its own, and the terminals of `pts`, which stays open.
 * @throws KernelError or Failure
 */
export function mountDev(root: number, pts: number): void {
  withFd(newTmpfs({ tag: "tmpfs", mode: 0o755, bytes: "1048576" }), (dev) => {
    attach(dev, root, "dev");
    for (const [name, major, minor] of NODES) bindNode(dev, name, major, minor);
    for (const [name, target] of LINKS) symlinkat(target, dev, name);
    for (const name of ["pts", "shm"]) mkdirat(dev, name, 0o755);
    attach(pts, dev, "pts");
    attachAndClose(newTmpfs({ tag: "shm", mode: 0o1777 }), dev, "shm");
    mountMqueue(dev);
  });
}

/**
 * Read-only like everything of the host by then, so that nobody inside changes mode or owner of its node; a device is written to all
 * the same.
 */
function bindNode(dev: number, name: string, major: number, minor: number): void {
  withFd(openTree(AT_FDCWD, `/dev/${name}`, OPEN_TREE.CLONE | AT.SYMLINK_NOFOLLOW), (node) => {
    const stat = fstatSync(node);
    if (!stat.isCharacterDevice() || stat.rdev !== ((major << 8) | minor)) {
      throw failure(125, "kernel", `the host's /dev/${name} is not character device ${major}:${minor}`, {
        hint: `mknod -m 666 /dev/${name} c ${major} ${minor}`,
      });
    }
    mountSetattr(node, "", AT.EMPTY_PATH, { set: NOSUID | NOEXEC, clear: NODEV });
    withFd(openat(dev, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600), () => undefined);
    withFd(openat(dev, name, O.PATH | O.NOFOLLOW), (place) => moveMount(node, place));
  });
}

/** POSIX message queues of the new IPC namespace, where the kernel has them (CONFIG_POSIX_MQUEUE). */
function mountMqueue(dev: number): void {
  let queues: number;
  try {
    queues = newMount("mqueue", "mqueue", NOSUID | NODEV | NOEXEC, "mqueue", () => undefined);
  } catch (error) {
    if (error instanceof KernelError && error.errno === "ENODEV") return;
    throw error;
  }
  mkdirat(dev, "mqueue", 0o755);
  attachAndClose(queues, dev, "mqueue");
}
