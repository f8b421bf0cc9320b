import type { Compression } from "#model/resource";
import type { Slice } from "./slice.ts";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];
const BLOCK = 512;
const CHECKSUM = { at: 148, length: 8 } as const;

/** How an archive is packed, by its first bytes and not by its name; undefined where it is none (tar(5)). */
export function identify(slice: Slice): Compression | undefined {
  const head = slice(0, BLOCK);
  const packed = MAGIC.find(([, bytes]) => bytes.every((byte, i) => head[i] === byte));
  if (packed !== undefined) return packed[0];
  return isHeader(head) ? "none" : undefined;
}

/** A tar header of any age holds the sum of its bytes, its own field counted as blanks. An empty archive is two blocks of zeros. */
function isHeader(head: Uint8Array): boolean {
  if (head.length < BLOCK) return false;
  if (head.every((byte) => byte === 0)) return true;
  const field = head.subarray(CHECKSUM.at, CHECKSUM.at + CHECKSUM.length);
  const said = parseInt(String.fromCharCode(...field).trim(), 8);
  const sum = head.reduce((total, byte) => total + byte, 0) - field.reduce((total, byte) => total + byte, 0);
  return said === sum + 32 * CHECKSUM.length;
}
