import { cString, systemCall, type Call } from "./ffi.ts";
import { CLONE } from "./flags.ts";
import { keyedCall } from "./keyed.ts";
import { bits, fdText, quote } from "./print.ts";

const rawUnshare: Call = keyedCall("unshare", [272, 97], ["int"]);
const rawSetns: Call = keyedCall("setns", [308, 268], ["int", "int"]);
const rawChdir: Call = systemCall("chdir", "chdir", ["void *"]);
const rawFchdir: Call = systemCall("fchdir", "fchdir", ["int"]);
const rawChroot: Call = systemCall("chroot", "chroot", ["void *"]);
const rawSethostname: Call = keyedCall("sethostname", [170, 161], ["void *", "ulong"]);
const rawGeteuid: Call = systemCall("geteuid", "geteuid", []);
const rawGetegid: Call = systemCall("getegid", "getegid", []);
const rawUmask: Call = systemCall("umask", "umask", ["uint"]);
const rawSetfsuid: Call = systemCall("setfsuid", "setfsuid", ["uint"]);
const rawSetfsgid: Call = systemCall("setfsgid", "setfsgid", ["uint"]);
const rawKill: Call = systemCall("kill", "kill", ["int", "int"]);
const rawPrctl: Call = systemCall("prctl", "prctl", ["int", "ulong", "ulong", "ulong", "ulong"]);

/** geteuid(2). */
export function geteuid(): number {
  return rawGeteuid([], () => []);
}

/** getegid(2). */
export function getegid(): number {
  return rawGetegid([], () => []);
}

/** Runs `make` with umask(2) 0, or another: a mode that is asked for is the mode from the first instant. */
export function unmasked<T>(make: () => T, but = 0): T {
  const mask = rawUmask([but], () => [but.toString(8)]);
  try {
    return make();
  } finally {
    rawUmask([mask], () => [mask.toString(8)]);
  }
}

/**
 * Runs `make` with the file system ids of another user, who then owns what it creates from the first instant; may do no more than that
 * user (setfsuid(2): it drops CAP_DAC_OVERRIDE). Of the calling thread; without effect for ordinary users.
 */
export function asOwner<T>(uid: number, gid: number, make: () => T): T {
  const group = rawSetfsgid([gid], () => [String(gid)]);
  const user = rawSetfsuid([uid], () => [String(uid)]);
  try {
    return make();
  } finally {
    rawSetfsuid([user >>> 0], () => [String(user)]);
    rawSetfsgid([group >>> 0], () => [String(group)]);
  }
}

/** unshare(2) for the calling thread; `flags` of CLONE. @throws KernelError */
export function unshare(flags: number): void {
  rawUnshare([flags], () => [bits("CLONE_", CLONE, flags)]);
}

/**
 * setns(2) for the calling thread. A mount namespace (CLONE_NEWNS) also sets root and working directory to that
 * namespace's root, and wants CLONE_FS unshared before. @throws KernelError
 */
export function setns(fd: number, type: number): void {
  rawSetns([fd, type], () => [fdText(fd), bits("CLONE_", CLONE, type)]);
}

/** chdir(2) for the calling thread. Node's own process.cwd() remembers what it was: change it back. @throws KernelError */
export function chdir(path: string): void {
  rawChdir([cString(path)], () => [quote(path)]);
}

/** fchdir(2) for the calling thread. @throws KernelError */
export function fchdir(fd: number): void {
  rawFchdir([fd], () => [fdText(fd)]);
}

/** chroot(2) for the calling thread. @throws KernelError */
export function chroot(path: string): void {
  rawChroot([cString(path)], () => [quote(path)]);
}

/** sethostname(2) in the UTS namespace of the calling thread. @throws KernelError EINVAL beyond 64 bytes */
export function sethostname(name: string): void {
  rawSethostname([cString(name), Buffer.byteLength(name)], () => [
    quote(name),
    String(Buffer.byteLength(name)),
  ]);
}

/** prctl(2) of the calling thread; `name` is the option's name, for messages. @throws KernelError */
export function prctl(name: string, option: number, ...args: readonly number[]): number {
  const [a = 0, b = 0, c = 0, d = 0] = args;
  return rawPrctl([option, a, b, c, d], () => [name, ...args.map(String)]);
}

/**
 * kill(2) of one process. @throws KernelError ESRCH where it is gone
 * @throws RangeError for 0 and negative pids, which mean whole groups, and for 1
 */
export function kill(pid: number, signal: number): void {
  if (!Number.isSafeInteger(pid) || pid <= 1) throw new RangeError(`kill of pid ${pid}`);
  rawKill([pid, signal], () => [String(pid), String(signal)]);
}
