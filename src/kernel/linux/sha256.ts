import { createRequire } from "node:module";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

// Bundled, noble costs 1-2 ms of start-up and node:crypto 8-12, but noble hashes about a tenth as fast: they are even
// at some ten kilobytes.
const SMALL = 16 * 1024;

/** sha256, hex; text as UTF-8. */
export function sha256Hex(data: string | Uint8Array): string {
  if (data.length <= SMALL) return bytesToHex(sha256(typeof data === "string" ? utf8ToBytes(data) : data));
  const crypto = createRequire(import.meta.url)("node:crypto") as typeof import("node:crypto");
  return crypto.createHash("sha256").update(data).digest("hex");
}
