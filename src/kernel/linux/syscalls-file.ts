import { closeSync, statfsSync } from "node:fs";
import { cString, systemCall, type Call } from "./ffi.ts";
import { AT, AT_REMOVEDIR, LOCK, O, RESOLVE, STATX } from "./flags.ts";
import { nodeCall } from "./node-call.ts";
import { bits, fdText, octal, quote, type Name } from "./print.ts";

const rawOpenat: Call = systemCall("openat", "openat", ["int", "void *", "int", "uint"]);
const rawOpenat2: Call = systemCall("openat2", 437, ["int", "void *", "void *", "ulong"]);
const rawGetxattr: Call = systemCall("getxattr", "getxattr", ["void *", "void *", "void *", "ulong"]);
const rawSetxattr: Call = systemCall("setxattr", "setxattr", ["void *", "void *", "void *", "ulong", "int"]);
const rawRemovexattr: Call = systemCall("removexattr", "removexattr", ["void *", "void *"]);
const rawStatx: Call = systemCall("statx", [332, 291], ["int", "void *", "int", "uint", "void *"]);
const rawMkdirat: Call = systemCall("mkdirat", "mkdirat", ["int", "void *", "uint"]);
const rawSymlinkat: Call = systemCall("symlinkat", "symlinkat", ["void *", "int", "void *"]);
const rawUnlinkat: Call = systemCall("unlinkat", "unlinkat", ["int", "void *", "int"]);
const rawRenameat: Call = systemCall("renameat", "renameat", ["int", "void *", "int", "void *"]);
const rawFchmod: Call = systemCall("fchmod", "fchmod", ["int", "uint"]);
const rawFchown: Call = systemCall("fchown", "fchown", ["int", "uint", "uint"]);
const rawUstat: Call = systemCall("ustat", 136, ["ulong", "void *"]);
const rawSyncfs: Call = systemCall("syncfs", "syncfs", ["int"]);
const rawFlock: Call = systemCall("flock", "flock", ["int", "int"]);
const rawLseek: Call = systemCall("lseek", "lseek", ["int", "long", "int"]);
const rawPipe2: Call = systemCall("pipe2", "pipe2", ["void *", "int"]);
const rawIoctl: Call = systemCall("ioctl", "ioctl", ["int", "ulong", "void *"]);
const rawIoctlInt: Call = systemCall("ioctl", "ioctl", ["int", "ulong", "long"]);

function openFlags(flags: number): string {
  const rest = bits("O_", O, flags);
  if ((flags & 3) !== 0) return rest;
  return rest === "0" ? "O_RDONLY" : `O_RDONLY|${rest}`;
}

/** openat(2). Always O_CLOEXEC. @throws KernelError */
export function openat(at: number, path: Name, flags: number, mode = 0): number {
  return rawOpenat([at, cString(path), flags | O.CLOEXEC, mode], () => [
    fdText(at),
    quote(path),
    openFlags(flags | O.CLOEXEC),
    ...(flags & O.CREAT ? [octal(mode)] : []),
  ]);
}

/** openat2(2), Linux 5.6; `resolve` of RESOLVE. Always O_CLOEXEC. A lost race (EAGAIN) is tried again. @throws KernelError */
export function openat2(at: number, path: Name, flags: number, resolve: number, mode = 0): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O.CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(mode), 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  const print = (): string[] => {
    const creating = flags & O.CREAT ? `, mode=${octal(mode)}` : "";
    return [
      fdText(at),
      quote(path),
      `{flags=${openFlags(flags | O.CLOEXEC)}${creating}, resolve=${bits("RESOLVE_", RESOLVE, resolve)}}`,
      "24",
    ];
  };
  // A rename or mount anywhere on the machine during the walk of a `..` answers EAGAIN: openat2(2) says to retry.
  for (let tries = 0; ; tries++) {
    try {
      return rawOpenat2([at, cString(path), how, 24], print);
    } catch (error) {
      if (tries === 64 || !(error instanceof Error && "errno" in error && error.errno === "EAGAIN"))
        throw error;
    }
  }
}

/** close(2). @throws KernelError */
export function close(fd: number): void {
  nodeCall(
    "close",
    () => `close(${fdText(fd)})`,
    () => closeSync(fd),
  );
}

/** Runs `use` with a descriptor and closes it, whatever happens. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    close(fd);
  }
}

/** Answers a descriptor that `use` made ready; where that is refused it is closed. */
export function keepFd(fd: number, use: (fd: number) => void): number {
  try {
    use(fd);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/**
 * statx(2): the mount an object lies on, by its small number (5.8) or by the one that is never reused (6.8), decimal.
 * undefined where the kernel does not tell. `flags` of AT. @throws KernelError
 */
export function statxMountId(at: number, path: Name, flags: number, unique: boolean): string | undefined {
  const wanted = unique ? STATX.MNT_ID_UNIQUE : STATX.MNT_ID;
  const answer = Buffer.alloc(256);
  rawStatx([at, cString(path), flags, wanted, answer], () => [
    fdText(at),
    quote(path),
    bits("AT_", AT, flags),
    bits("STATX_", STATX, wanted),
    "{…}",
  ]);
  return answer.readUInt32LE(0) & wanted ? String(answer.readBigUInt64LE(144)) : undefined;
}

/** getxattr(2) of at most 256 bytes; follows symlinks. @throws KernelError */
export function getxattr(path: Name, name: string): string {
  const value = Buffer.alloc(256);
  const length = rawGetxattr([cString(path), cString(name), value, value.length], () => [
    quote(path),
    quote(name),
    "…",
    `${value.length}`,
  ]);
  return value.toString("utf8", 0, length);
}

/** Sets an extended attribute and takes it away again: whether there can be any. Follows symlinks. @throws KernelError EOPNOTSUPP */
export function tryXattr(path: Name, name: string): void {
  rawSetxattr([cString(path), cString(name), Buffer.from("y"), 1, 0], () => [
    quote(path),
    quote(name),
    '"y"',
    "1",
    "0",
  ]);
  rawRemovexattr([cString(path), cString(name)], () => [quote(path), quote(name)]);
}

/** mkdirat(2). @throws KernelError */
export function mkdirat(at: number, path: Name, mode: number): void {
  rawMkdirat([at, cString(path), mode], () => [fdText(at), quote(path), octal(mode)]);
}

/** symlinkat(2): `path` below `at` will read `target`. @throws KernelError */
export function symlinkat(target: Name, at: number, path: Name): void {
  rawSymlinkat([cString(target), at, cString(path)], () => [quote(target), fdText(at), quote(path)]);
}

/** unlinkat(2); `dir` adds AT_REMOVEDIR. @throws KernelError */
export function unlinkat(at: number, path: Name, dir: boolean): void {
  rawUnlinkat([at, cString(path), dir ? AT_REMOVEDIR : 0], () => [
    fdText(at),
    quote(path),
    dir ? "AT_REMOVEDIR" : "0",
  ]);
}

/** renameat(2). @throws KernelError */
export function renameat(from: number, old: Name, to: number, name: Name): void {
  rawRenameat([from, cString(old), to, cString(name)], () => [
    fdText(from),
    quote(old),
    fdText(to),
    quote(name),
  ]);
}

/** fchmod(2). @throws KernelError */
export function fchmod(fd: number, mode: number): void {
  rawFchmod([fd, mode], () => [fdText(fd), octal(mode)]);
}

/** fchown(2). @throws KernelError */
export function fchown(fd: number, uid: number, gid: number): void {
  rawFchown([fd, uid, gid], () => [fdText(fd), String(uid), String(gid)]);
}

/** flock(2); `operation` of LOCK. @throws KernelError EAGAIN where another holds it and LOCK.NB was asked for. */
export function flock(fd: number, operation: number): void {
  rawFlock([fd, operation], () => [fdText(fd), bits("LOCK_", LOCK, operation)]);
}

/** syncfs(2): everything written to a descriptor's file system is on the disk. @throws KernelError */
export function syncfs(fd: number): void {
  rawSyncfs([fd], () => [fdText(fd)]);
}

/**
 * ustat(2) of a file system by its device number, as mountinfo prints it; on x86_64 only. It finds what is mounted anywhere or held open,
 * and nothing once its last user is gone (user_get_super in fs/super.c). @throws KernelError EINVAL where no file system has it
 */
export function ustat(dev: string): void {
  const [major = 0, minor = 0] = dev.split(":").map(Number);
  const packed = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  rawUstat([packed, Buffer.alloc(64)], () => [`makedev(${major}, ${minor})`, "{…}"]);
}

/** lseek(2) to the end, of files whose end is below 2 GiB or that have none. @throws KernelError */
export function seekEnd(fd: number): void {
  rawLseek([fd, 0, 2], () => [fdText(fd), "0", "SEEK_END"]);
}

/** pipe2(2) with O_CLOEXEC: the reading end, then the writing one. @throws KernelError */
export function pipe2(flags = 0): readonly [read: number, write: number] {
  const ends = Buffer.alloc(8);
  rawPipe2([ends, flags | O.CLOEXEC], () => ["[…]", bits("O_", O, flags | O.CLOEXEC)]);
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}

/** ioctl(2); `name` is the request's name for messages, `arg` a number or a buffer the kernel reads or fills. @throws KernelError */
export function ioctl(fd: number, name: string, request: number, arg: number | Uint8Array): number {
  const raw = typeof arg === "number" ? rawIoctlInt : rawIoctl;
  return raw([fd, request, arg], () => [fdText(fd), name, typeof arg === "number" ? String(arg) : "{…}"]);
}

/** The magic number of the file system a descriptor lies on (fstatfs(2)). @throws KernelError */
export function fstatfsMagic(fd: number): number {
  return nodeCall(
    "fstatfs",
    () => `fstatfs(${fdText(fd)})`,
    () => statfsSync(`/proc/self/fd/${fd}`).type,
  );
}
