import { readlinkSync } from "node:fs";
import { AT_FDCWD } from "./flags.ts";

/** A path or name for a system call: text, or bytes where it may not be UTF-8. */
export type Name = string | Uint8Array;

const ESCAPES: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\" };

function escapeByte(byte: number): string {
  return (
    ESCAPES[byte] ??
    (byte < 32 || byte > 126 ? `\\${byte.toString(8).padStart(3, "0")}` : String.fromCharCode(byte))
  );
}

/** A C string as strace prints it, but never shortened and with UTF-8 left readable. */
export function quote(name: Name): string {
  return `"${typeof name === "string" ? escaped(name) : Array.from(name, escapeByte).join("")}"`;
}

function escaped(text: string): string {
  return text.replace(/["\\\p{Cc}]/gu, (char) => escapeByte(char.codePointAt(0)!));
}

/** A descriptor as `strace -y` prints it: `AT_FDCWD`, `7</var/lib>`, or its number where it has no path. */
export function fdText(fd: number): string {
  if (fd === AT_FDCWD) return "AT_FDCWD";
  let path = "";
  try {
    path = readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // It is not open: that is what the call will say.
  }
  return path.startsWith("/") ? `${fd}<${escaped(path)}>` : String(fd);
}

/** `AT_EMPTY_PATH|AT_RECURSIVE` out of a table of bits; what the table does not know is added in hex. */
export function bits(prefix: string, table: Readonly<Record<string, number>>, value: number): string {
  const names: string[] = [];
  let rest = value;
  // Larger values first, so that a flag of several bits is named before its parts.
  for (const [name, bit] of Object.entries(table).sort((a, b) => b[1] - a[1])) {
    if (bit <= 0 || (rest & bit) !== bit) continue;
    names.unshift(prefix + name);
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.length > 0 ? names.join("|") : "0";
}

/** Permission bits as strace prints them: `0755`. */
export function octal(mode: number): string {
  return `0${mode.toString(8)}`;
}
