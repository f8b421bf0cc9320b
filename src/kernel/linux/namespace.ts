import { AT, AT_FDCWD, CLONE, MS, O } from "./flags.ts";
import { close, openat } from "./syscalls-file.ts";
import { mountSetattr } from "./syscalls-mount.ts";
import { chroot, fchdir, setns, unshare } from "./syscalls-process.ts";
import { KernelError } from "#model/diagnostic";

/** File names below /proc/thread-self/ns. A process's own pid namespace is what its next child was to be born in before. */
const KINDS: readonly (readonly [flag: number, name: string])[] = [
  [CLONE.NEWNS, "mnt"],
  [CLONE.NEWUTS, "uts"],
  [CLONE.NEWIPC, "ipc"],
  [CLONE.NEWNET, "net"],
  [CLONE.NEWPID, "pid"],
  [CLONE.NEWCGROUP, "cgroup"],
];

type Home = {
  readonly namespaces: readonly (readonly [flag: number, fd: number])[];
  readonly root: number;
  readonly cwd: number;
};

let inside = false;

/**
 * Runs `work` in new namespaces (`flags` of CLONE; the mount namespace always, its propagation private throughout) and
 * comes back, whatever happens, with root and working directory as before: a caller that was chrooted stays so.
 * `work` must be synchronous, and so must every file system call in it: libuv's threads that are started inside would stay there.
 * Of `flags`, `work` makes those of `later` itself, and there is no way back from those of `stay`: the thread, and its next children,
 * remain in them.
 * @throws KernelError, and whatever `work` throws
 */
export function inNamespaces<T>(
  flags: number,
  work: () => T,
  { later = 0, stay = 0 }: { readonly later?: number; readonly stay?: number } = {},
): T {
  const kinds = KINDS.filter(([flag]) => flag === CLONE.NEWNS || (flags & ~stay & flag) !== 0);
  return away(kinds, (flags & ~later) | CLONE.NEWNS, () => {
    makePrivate();
    return work();
  });
}

/**
 * The same in the namespaces of another process; the next children are born in its pid namespace. Root and working directory are those
 * of its mount namespace. @throws KernelError ENOENT where it is gone
 */
export function inNamespacesOf<T>(pid: number, work: () => T): T {
  const fds: number[] = [];
  try {
    const theirs = KINDS.map(([flag, name]): [number, number] => {
      const fd = openat(AT_FDCWD, `/proc/${pid}/ns/${name}`, 0);
      fds.push(fd);
      return [flag, fd];
    });
    return away(KINDS, 0, () => {
      // The mount namespace last: from then on paths are its.
      for (const [flag, fd] of theirs.toReversed()) setns(fd, flag);
      return work();
    });
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Leaves by unshare(2) with `flags`, works and comes back to the namespaces of `kinds`. */
function away<T>(kinds: typeof KINDS, flags: number, work: () => T): T {
  if (inside) throw new Error("already in private namespaces");
  const fds: number[] = [];
  const open = (path: string, mode: number): number => {
    const fd = openat(AT_FDCWD, path, mode);
    fds.push(fd);
    return fd;
  };
  try {
    const home: Home = {
      root: open("/", O.PATH | O.DIRECTORY),
      cwd: open(".", O.PATH | O.DIRECTORY),
      namespaces: kinds.map(([flag, name]) => [flag, open(`/proc/thread-self/ns/${name}`, 0)]),
    };
    // All of it or nothing: who is refused here has not left, and could not come back either (setns(2) asks for the same capability).
    unshare(flags | CLONE.FS);
    inside = true;
    try {
      return work();
    } finally {
      // Where this fails we are lost in a namespace of our own: `inside` stays set, and nothing is staged any more.
      comeBack(home);
      inside = false;
    }
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Nothing mounted here from now on reaches another namespace, nor the other way round. */
function makePrivate(): void {
  const all = (): void => mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { propagation: MS.PRIVATE });
  try {
    all();
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== "EINVAL") throw error;
    // "/" is no mount: we are in a chroot. Joining the namespace we are in leads to its real root, and then back.
    const fds = ["/", ".", "/proc/thread-self/ns/mnt"].map((path) =>
      openat(AT_FDCWD, path, path.endsWith("mnt") ? 0 : O.PATH),
    );
    try {
      const [root, cwd, own] = fds as [number, number, number];
      setns(own, CLONE.NEWNS);
      try {
        all();
      } finally {
        returnTo(root, cwd);
      }
    } finally {
      for (const fd of fds) close(fd);
    }
  }
}

function comeBack(home: Home): void {
  // Threads that libuv started inside share our root and working directory, and setns(2) refuses that.
  unshare(CLONE.FS);
  for (const [flag, fd] of home.namespaces) setns(fd, flag);
  returnTo(home.root, home.cwd);
}

/** setns(2) to a mount namespace leads to its root; this is the way from there to where we were. */
function returnTo(root: number, cwd: number): void {
  fchdir(root);
  chroot(".");
  fchdir(cwd);
}
