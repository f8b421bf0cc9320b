import type { AbsPath } from "#model/brand";
import type { ProcessId, RunFiles, RunRecord, RunState } from "#model/detached";
import { signalName, type Ending } from "#model/launch";
import type { Reader } from "#ports/reader";
import { quietly, statOf } from "./proc.ts";

/** What a supervisor left in its status file; undefined before the end. */
export type Status = { readonly ending: Ending; readonly oomKills: number };

/**
 * Reads a status file. A shell says by itself which signal ended its foreground child, in a line before `code N`; without one, a status
 * above 128 is the child's own.
 */
export function parseStatus(text: string): Status | undefined {
  const found = /^code (\d+)$/m.exec(text);
  if (found === null || !/^ended$/m.test(text)) return undefined;
  const code = Number(found[1]);
  const killed = code > 128 && text.slice(0, found.index).trim() !== "";
  const oomKills = Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  return { ending: killed ? { signal: signalName(code - 128) } : { code }, oomKills };
}

/** Whether a process is still the one it was. A zombie is none. */
export function lives(reader: Reader, { pid, start }: ProcessId): boolean {
  const now = statOf(reader, pid);
  return now !== undefined && now.start === start && now.state !== "Z" && now.state !== "X";
}

/** How a detached run stands. `boot` is the machine's now: what ran before the last one is over. */
export function stateOfRun(reader: Reader, boot: string, run: RunRecord, files: RunFiles): RunState {
  // Asked first: a supervisor that ends meanwhile has written its last line by then.
  const running = run.boot === boot && lives(reader, run.supervisor);
  const status = parseStatus(quietly(() => reader.textAny(files.status)) ?? "");
  if (status !== undefined) return ended(reader, status, files);
  return { state: running ? "running" : "lost" };
}

function ended(reader: Reader, { ending, oomKills }: Status, files: RunFiles): RunState {
  const endedAt = Number(reader.stat(files.status)?.mtimeNs ?? 0n) / 1e9;
  const meant = quietly(() => reader.textAny(files.signal))?.trim();
  const byUs = meant !== undefined && "signal" in ending && ending.signal === "SIGKILL";
  return { state: "ended", ending: byUs ? { signal: meant } : ending, endedAt, oomKills };
}

/** The machine's boot, by which process numbers are told from those of an earlier one. */
export function bootOf(reader: Reader): string {
  return reader.text("/proc/sys/kernel/random/boot_id" as AbsPath).trim();
}
