import { readSync } from "node:fs";
import { systemCall, type Call, type CType, type Target } from "./ffi.ts";
import { AT_FDCWD } from "./flags.ts";
import { openat, withFd } from "./syscalls-file.ts";

let key = 0n;

/**
 * What system calls of this process carry for a sixth argument, which the kernel does not look at: a filter around this thread lets them
 * through by it (seccomp.ts). 64 bits that nobody guesses, from the first time this is asked for.
 */
export function processKey(): bigint {
  if (key === 0n) {
    const bytes = Buffer.alloc(8);
    withFd(openat(AT_FDCWD, "/dev/urandom", 0), (fd) => readSync(fd, bytes));
    key = bytes.readBigUInt64LE();
  }
  return key;
}

/** Declares a call of at most five arguments that carries the key. By number: libc's functions of these names pass on their own alone. */
export function keyedCall(name: string, target: Exclude<Target, string>, types: readonly CType[]): Call {
  const rest = Array.from({ length: 5 - types.length }, () => 0);
  const call = systemCall(name, target, [...types, ...rest.map(() => "long" as const), "ulong"]);
  return (args, print) => call([...args, ...rest, key], print);
}
