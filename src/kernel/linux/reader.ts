import {
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  readdirSync,
  realpathSync,
  statSync,
} from "node:fs";
import type { BigIntStats } from "node:fs";
import { arch } from "node:os";
import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Reader, Stat } from "#ports/reader";
import { openBeneath, selfFd } from "./beneath.ts";
import { ffiLoaded, refused } from "./ffi.ts";
import { AT_FDCWD, O } from "./flags.ts";
import { nodeCall } from "./node-call.ts";
import { fdText, quote } from "./print.ts";
import { sha256File, sha256Hex } from "./sha256.ts";
import { statOf } from "./stat.ts";
import { getxattr, statxMountId, ustat } from "./syscalls-file.ts";

const ABSENT = new Set(["ENOENT", "ENOTDIR", "ESRCH"]);

/** Absence without an exception, which would cost as much as the call. */
const NO_THROW = { bigint: true, throwIfNoEntry: false } as const;

function statOrNone(stats: BigIntStats | undefined): Stat | undefined {
  return stats === undefined ? undefined : statOf(stats);
}

function orUndefined<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error && "errno" in error && ABSENT.has(error.errno as string)) return undefined;
    throw error;
  }
}

/**
 * Not `readFileSync(path, "utf8")`: its own way of reading (Node 26.10) writes past its buffer and aborts where a file of /proc answers
 * with less than was asked for, as a mountinfo of some hundred lines does.
 */
function utf8(path: string): string {
  return readFileSync(path).toString("utf8");
}

/** What a rootfs, that anybody made, may have us hold in memory: a passwd(5) of half a million users. */
const LARGEST = 32 << 20;

function textOf(fd: number): string | undefined {
  const stat = fstatSync(fd);
  if (!stat.isFile()) return undefined;
  if (stat.size > LARGEST) throw refused("read", `read(${fdText(fd)}, …, ${stat.size})`, "EFBIG");
  return utf8(selfFd(fd));
}

function withBeneath<T>(root: AbsPath, path: string, use: (fd: number) => T): T | undefined {
  const fd = openBeneath(root, path)?.fd;
  if (fd === undefined) return undefined;
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function readPart(path: AbsPath, offset: number, length: number): Uint8Array {
  const fd = openSync(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let read = 0;
    for (let more = -1; more !== 0 && read < length; read += more)
      more = readSync(fd, bytes, read, length - read, offset + read);
    return bytes.subarray(0, read);
  } finally {
    closeSync(fd);
  }
}

// What loading the FFI costs: about 150 reads of fdinfo at 25 µs, where statx(2) then takes 6.
const WORTH_FFI = 150;
let asked = 0;

/**
 * The small mount id of an object. From its descriptor's /proc/self/fdinfo (3.15) without FFI, since a plan asks a few times; by
 * statx(2) where somebody asks about every open file of the machine.
 */
function mountIdOf(path: AbsPath): string | undefined {
  if (ffiLoaded() || asked++ >= WORTH_FFI) return statxMountId(AT_FDCWD, path, 0, false);
  const fd = openSync(path, O.PATH);
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
  } finally {
    closeSync(fd);
  }
}

/** Other processors than x86_64 do not have the call. */
function hasFileSystem(dev: string): boolean | undefined {
  if (arch() !== "x64") return undefined;
  try {
    ustat(dev);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.errno === "EINVAL" ? false : undefined;
  }
}

/** A Reader of this machine. It is told who it is, since only the entry sees the process. Loads no FFI but for mount ids. */
export function linuxReader(self: Pick<Reader, "uid" | "pid" | "rootless">): Reader {
  const wrap = <T>(name: string, path: string, run: () => T): T =>
    nodeCall(name, () => `${name}(${quote(path)})`, run);
  const text = (path: AbsPath): string => wrap("open", path, () => utf8(path));
  const list = (path: AbsPath): readonly string[] => wrap("open", path, () => readdirSync(path));
  return {
    ...self,
    text,
    textAny: (path) => orUndefined(() => text(path)),
    part: (path, offset, length) => wrap("open", path, () => readPart(path, offset, length)),
    digest: (path) => wrap("open", path, () => sha256File(path)),
    bytes: (path) => wrap("open", path, () => readFileSync(path)),
    list,
    listAny: (path) => orUndefined(() => list(path)),
    stat: (path) => orUndefined(() => wrap("stat", path, () => statOrNone(statSync(path, NO_THROW)))),
    lstat: (path) => orUndefined(() => wrap("lstat", path, () => statOrNone(lstatSync(path, NO_THROW)))),
    readlink: (path) => orUndefined(() => wrap("readlink", path, () => readlinkSync(path))),
    realpath: (path) => orUndefined(() => wrap("realpath", path, () => realpathSync.native(path) as AbsPath)),
    mountId: (path) => orUndefined(() => wrap("open", path, () => mountIdOf(path))),
    uniqueMountId: (path) => orUndefined(() => statxMountId(AT_FDCWD, path, 0, true)),
    hasFileSystem,
    statIn: (root, path) =>
      orUndefined(() => withBeneath(root, path, (fd) => statOf(fstatSync(fd, { bigint: true })))),
    textIn: (root, path) =>
      orUndefined(() => withBeneath(root, path, (fd) => wrap("open", path, () => textOf(fd)))),
    xattr(path, name) {
      try {
        return getxattr(path, name);
      } catch (error) {
        if (error instanceof KernelError) return undefined;
        throw error;
      }
    },
    sha256: sha256Hex,
  };
}
