import type { AbsPath } from "#model/brand";
import type { Reader } from "#ports/reader";
import { disposition } from "./signals.ts";

/** Signals whose default action is not to end a process, and the one that cannot be kept from any (signal(7)). */
const AS_IS = "CHLD CONT KILL STOP TSTP TTIN TTOU URG WINCH".split(" ").map((name) => `SIG${name}`);

/**
 * What has to be sent so that a PID 1 takes a signal as any process would: the kernel keeps from it what it has no handler for, so
 * SIGKILL stands for a signal that would have ended it.
 */
export function substitute(reader: Pick<Reader, "textAny">, pid: number, signal: string): string {
  const status = reader.textAny(`/proc/${pid}/status` as AbsPath);
  const ends = status !== undefined && !AS_IS.includes(signal) && disposition(status, signal) === "default";
  return ends ? "SIGKILL" : signal;
}
