import { failure, KernelError } from "#model/diagnostic";
import { newMount } from "./context.ts";
import { systemCall, type Call } from "./ffi.ts";
import { AT, AT_FDCWD, MOUNT_ATTR, O, OPEN_TREE } from "./flags.ts";
import { makeReadOnly, mask, PROC_MASKED, PROC_READ_ONLY, sysMasked } from "./launch-mask.ts";
import { close, ioctl, keepFd, openat, withFd } from "./syscalls-file.ts";
import { fsconfigFd, fsopen, mountSetattr, moveMount, openTree } from "./syscalls-mount.ts";

const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;

/**
 * Opens a directory in one of the new root's as it is there: a symlink is not followed, so a rootfs cannot point /proc or /dev
 * elsewhere. @throws Failure 125
 */
function systemDir(parent: number, name: string): number {
  try {
    return openat(parent, name, O.PATH | O.DIRECTORY | O.NOFOLLOW);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const what = error.errno === "ENOENT" ? "does not exist" : "is no directory (a symlink is not followed)";
    const said = {
      call: error.call,
      errno: error.errno,
      hint: "make it an empty directory in the rootfs",
    };
    throw failure(125, "not_directory", `/${name} ${what} in the rootfs`, said, error);
  }
}

/** Attaches a detached mount and answers its descriptor, which reads and makes what is in it. */
export function attach(mount: number, parent: number, name: string): number {
  withFd(systemDir(parent, name), (place) => moveMount(mount, place));
  return mount;
}

/** The same for one that nothing more is done with. @throws KernelError, Failure 125 */
export function attachAndClose(mount: number, parent: number, name: string): void {
  withFd(mount, () => attach(mount, parent, name));
}

/** Whether proc can be mounted for a pid namespace from outside of it: the option `pidns` (Linux 6.17). */
export function procTakesPidns(): boolean {
  return withFd(fsopen("proc"), (fs) =>
    withFd(openat(AT_FDCWD, "/proc/thread-self/ns/pid", 0), (pidns) => {
      try {
        fsconfigFd(fs, "pidns", pidns);
        return true;
      } catch (error) {
        // An ordinary user may not name the host's, but may its own.
        return error instanceof KernelError && error.errno === "EPERM";
      }
    }),
  );
}

/** A detached proc for a pid namespace: a file of /proc/PID/ns. @throws KernelError, Failure */
export function newProc(namespace: string): number {
  try {
    return withFd(openat(AT_FDCWD, namespace, 0), (pidns) =>
      newMount("proc", "proc", NOSUID | NODEV | NOEXEC, "proc", (fs) => fsconfigFd(fs, "pidns", pidns)),
    );
  } catch (error) {
    throw error instanceof KernelError && error.errno === "EPERM" ? noProc(error) : error;
  }
}

/** The kernel gives no proc that would show what is masked in the one that is there (mount_too_revealing in fs/namespace.c). */
export function noProc(cause?: unknown): Error {
  const hint =
    "in a container that masks parts of /proc only the host's root may: run envctl on the host, or the container with --privileged";
  return failure(125, "kernel", "proc could not be mounted in the new pid namespace", { hint }, cause);
}

/** A detached proc out of one that a child mounted at `path`. @throws KernelError */
export function takenProc(path: string): number {
  const tree = openTree(AT_FDCWD, path, OPEN_TREE.CLONE | AT.SYMLINK_NOFOLLOW);
  return keepFd(tree, () => mountSetattr(tree, "", AT.EMPTY_PATH, { set: NOSUID | NODEV | NOEXEC }));
}

/** Attaches proc at /proc, its machine-wide parts read-only or masked. @throws KernelError or Failure */
export function mountProc(root: number, proc: number): void {
  withFd(proc, () => {
    attach(proc, root, "proc");
    makeReadOnly(proc, PROC_READ_ONLY);
    mask(proc, PROC_MASKED);
  });
}

/**
 * A detached sysfs, read-only, of the network namespace we are in; a per-mount flag, since the file system itself may be shared with the
 * host. Who is not root in that namespace gets the host's with all that is mounted in it. @throws KernelError
 */
export function newSys(): number {
  const attributes = RDONLY | NOSUID | NODEV | NOEXEC;
  try {
    return newMount("sysfs", "sysfs", attributes, "sysfs", () => undefined);
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === "EPERM")) throw error;
    const sys = openTree(AT_FDCWD, "/sys", OPEN_TREE.CLONE | AT.RECURSIVE | AT.SYMLINK_NOFOLLOW);
    return keepFd(sys, () => mountSetattr(sys, "", AT.EMPTY_PATH | AT.RECURSIVE, { set: attributes }));
  }
}

/** Attaches sysfs at /sys, what tells of the machine masked. @throws KernelError or Failure */
export function mountSys(root: number, sys: number): void {
  attach(sys, root, "sys");
  mask(sys, sysMasked(sys));
}

const rawSocket: Call = systemCall("socket", "socket", ["int", "int", "int"]);

/** Brings the loopback interface up in the network namespace we are in; the kernel gives it 127.0.0.1 and ::1 (netdevice(7)). @throws KernelError */
export function loopbackUp(): void {
  const [AF_UNIX, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP, IFF_RUNNING] = [1, 2, 0x8914, 1, 0x40];
  const request = Buffer.alloc(40);
  request.write("lo");
  request.writeUInt16LE(IFF_UP | IFF_RUNNING, 16);
  const socket = rawSocket([AF_UNIX, SOCK_DGRAM | O.CLOEXEC, 0], () => [
    "AF_UNIX",
    "SOCK_DGRAM|SOCK_CLOEXEC",
    "0",
  ]);
  try {
    ioctl(socket, "SIOCSIFFLAGS", SIOCSIFFLAGS, request);
  } finally {
    close(socket);
  }
}
