import { closeSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

// Bundled, noble costs 1-2 ms of start-up and node:crypto 8-12, but noble hashes about a tenth as fast: they are even
// at some ten kilobytes.
const SMALL = 16 * 1024;

/** sha256, hex; text as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  if (data.length <= SMALL) return bytesToHex(sha256(typeof data === "string" ? utf8ToBytes(data) : data));
  return crypto().createHash("sha256").update(data).digest("hex");
}

/** sha256 of a file, a piece at a time: it may be larger than memory. */
export function sha256File(path: string): string {
  const fd = openSync(path, "r");
  try {
    const hash = crypto().createHash("sha256");
    const piece = Buffer.allocUnsafe(1 << 20);
    for (let read = -1; read !== 0;) {
      read = readSync(fd, piece, 0, piece.length, null);
      hash.update(piece.subarray(0, read));
    }
    return hash.digest("hex");
  } finally {
    closeSync(fd);
  }
}

const crypto = (): typeof import("node:crypto") =>
  createRequire(import.meta.url)("node:crypto") as typeof import("node:crypto");
