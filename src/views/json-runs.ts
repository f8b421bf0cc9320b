import { runName, type DetachedRun } from "#model/detached";
import { exitStatus, type Ending } from "#model/launch";
import { line, type Json } from "./json.ts";

/** envctl.ps/1 */
export function psJson(runs: readonly DetachedRun[]): string {
  return line({ format: "envctl.ps/1", runs: runs.map(runJson) });
}

/** A run as ps, ls and show tell it. */
export function runJson(one: DetachedRun): Json {
  const { record, files, state } = one;
  const { id, name, number, command, user, entry, startedAt } = record;
  return {
    run: runName(record),
    id,
    name,
    number,
    state,
    started_at: time(startedAt),
    ...(state === "running" ? { pid: entry.pid } : {}),
    ...(one.state === "ended"
      ? {
          ended_at: time(one.endedAt),
          ran_ms: Math.max(0, Math.round((one.endedAt - startedAt) * 1000)),
          ...ending(one.ending),
          oom_kills: one.oomKills,
        }
      : {}),
    command,
    user: { uid: user.uid, gid: user.gid },
    stdout: files.stdout,
    stderr: files.stderr,
  };
}

const time = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** As `run` would have exited, and the signal where one ended it. */
function ending(how: Ending): Json {
  return { status: exitStatus(how), ...("signal" in how ? { signal: how.signal } : {}) };
}

export type Stream = "stdout" | "stderr";

/** One line of envctl.logs/1. */
export function logLine(name: string, stream: Stream, text: string): string {
  return line({ format: "envctl.logs/1", event: "line", run: name, stream, text });
}

/** The last line of envctl.logs/1 where a run was followed to its end. */
export function logEnd(one: DetachedRun): string {
  return line({
    format: "envctl.logs/1",
    event: "ended",
    run: runName(one.record),
    state: one.state,
    ...(one.state === "ended" ? ending(one.ending) : {}),
  });
}
