import type { BigIntStats } from "node:fs";
import type { Stat } from "#ports/reader";

/** `major:minor` of a dev_t as glibc and the kernel's new_encode_dev pack it: 12 + 20 bits, and 32-bit majors above. */
export function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function typeOf(stats: BigIntStats): Stat["type"] {
  if (stats.isDirectory()) return "dir";
  if (stats.isFile()) return "file";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isCharacterDevice()) return "char";
  if (stats.isBlockDevice()) return "block";
  return stats.isFIFO() ? "fifo" : "socket";
}

/** Node's stat in the port's words. */
export function statOf(stats: BigIntStats): Stat {
  return {
    type: typeOf(stats),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    dev: deviceText(stats.dev),
    ino: String(stats.ino),
    rdev: deviceText(stats.rdev),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    nlink: Number(stats.nlink),
  };
}
