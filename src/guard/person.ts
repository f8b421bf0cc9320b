import type { AbsPath } from "#model/brand";
import type { Holder } from "#model/observed";
import { commandOf, quietly, statOf } from "#observe/proc";
import type { Reader } from "#ports/reader";

/** Clock ticks in a second: USER_HZ is 100 on every architecture Node runs on (time(7)). */
const TICKS = 100;

/** Whose process it is, since when, and what it runs; undefined where it ended. */
export function describe(reader: Reader, pid: number): Pick<Holder, "user" | "age" | "command"> | undefined {
  const owner = quietly(() => reader.stat(`/proc/${pid}` as AbsPath));
  if (owner === undefined) return undefined;
  return { user: userName(reader, owner.uid), age: ageOf(reader, pid), command: commandOf(reader, pid) };
}

/** The name in the host's /etc/passwd; the number where it has none. */
function userName(reader: Reader, uid: number): string {
  const lines = (quietly(() => reader.textAny("/etc/passwd" as AbsPath)) ?? "").split("\n");
  return lines.map((line) => line.split(":")).find((f) => f[2] === `${uid}`)?.[0] ?? `${uid}`;
}

/** Seconds since a process started. */
export function ageOf(reader: Reader, pid: number): number {
  const started = Number(statOf(reader, pid)?.start ?? 0) / TICKS;
  const up = Number(reader.text("/proc/uptime" as AbsPath).split(" ")[0]);
  return Math.max(0, Math.floor(up - started));
}
