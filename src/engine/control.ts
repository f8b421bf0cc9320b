import type { DetachedRun } from "#model/detached";
import { runName } from "#model/detached";
import { failure } from "#model/diagnostic";
import { instanceOf } from "#model/identity";
import { exitStatus } from "#model/launch";
import { thaw } from "#guard/freeze";
import { stopProcesses, stuck } from "#guard/stop";
import { substitute } from "#launch/substitute";
import { lives } from "#observe/runs";
import { forgetRun, ownGroups } from "./forget-run.ts";
import type { ControlHost } from "./host.ts";
import { removeLeaf } from "./run-groups.ts";
import { isKept, lookAgain } from "./runs.ts";
import type { OpenState } from "./state.ts";
import { hold } from "./state.ts";
import { removeInstance } from "./instance.ts";

/** Pauses between looks (ms) grow from the first to the second. */
const [FIRST_MS, LONGEST_MS] = [2, 50];
/** How long a supervisor may take once its entry is gone (ms). */
const PATIENCE_MS = 5000;

/** Waits until a run is over and its supervisor gone: at most `ms`, or until a signal asks us to stop. Answers it as it then stands. */
async function awaitEnd(host: ControlHost, run: DetachedRun, ms: number = Infinity): Promise<DetachedRun> {
  const end = host.clock.monotonic() + ms;
  for (
    let pause = FIRST_MS;
    lives(host.reader, run.record.supervisor);
    pause = Math.min(2 * pause, LONGEST_MS)
  ) {
    const left = end - host.clock.monotonic();
    if (left <= 0 || host.interrupted()) break;
    host.clock.pause(Math.min(pause, left));
    await host.breathe();
  }
  return lookAgain(host, run);
}

/**
 * Sends a signal to a run's entry as `run` hands one on: where PID 1 has no handler and the default action would have ended it, SIGKILL
 * does, and the status names the signal that was meant. What is to end and was frozen goes on, to take it. False where the entry is gone.
 */
export function signalRun(
  host: ControlHost,
  { lineage }: OpenState,
  { record: { id, entry, cgroups }, files }: DetachedRun,
  signal: string,
): boolean {
  if (!lives(host.reader, entry)) return false;
  const sent = substitute(host.reader, entry.pid, signal);
  if (sent !== signal) host.files.writeFile(files.signal, `${signal}\n`, 0o600);
  const there = host.signals.signal(entry, sent);
  if (there && (sent === "SIGKILL" || sent === "SIGTERM"))
    thaw(
      host,
      { lineage, id },
      cgroups.map(({ dir }) => dir),
    );
  return there;
}

/**
 * SIGTERM, some time to end, then SIGKILL for all that is in its groups. What has ended is fine. Answers the run as it ended.
 * @throws Failure busy
 */
export async function stopRun(
  host: ControlHost,
  state: OpenState,
  run: DetachedRun,
  graceMs: number,
): Promise<DetachedRun> {
  if (run.state !== "running") return run;
  let now: DetachedRun = run;
  if (graceMs > 0 && signalRun(host, state, run, "SIGTERM")) now = await awaitEnd(host, run, graceMs);
  if (now.state === "running" && host.interrupted()) throw stillRunning(run);
  if (now.state === "running") {
    host.signals.signal(run.record.entry, "SIGKILL");
    stopProcesses(host, { lineage: state.lineage, id: run.record.id }, ownGroups(run));
    now = await awaitEnd(host, run, PATIENCE_MS);
  }
  if (now.state === "running") {
    const { supervisor, entry } = run.record;
    const left = [supervisor, entry].filter((each) => lives(host.reader, each));
    throw stuck(
      host.reader,
      runName(run.record),
      left.map(({ pid }) => pid),
    );
  }
  await settle(host, state, now);
  return now;
}

/** A signal came while we waited: it was meant for us, and not to end what runs any faster. */
function stillRunning({ record }: DetachedRun): Error {
  const name = runName(record);
  return failure(1, "interrupted", `interrupted while waiting for ${name}, which may still end`, {
    hint: `envctl ps; to end it at once: envctl stop --time 0 ${name}`,
  });
}

/**
 * Waits for the end of a run; answers it, and what `run` would have exited with; undefined where a signal came first.
 * @throws Failure 125 where the status is not known
 */
export async function awaitRun(
  host: ControlHost,
  state: OpenState,
  run: DetachedRun,
): Promise<{ readonly run: DetachedRun; readonly status: number } | undefined> {
  const over = await awaitEnd(host, run);
  if (over.state === "running") return undefined;
  if (over.state === "lost" && !isKept(host, run))
    throw failure(125, "no_run", `${runName(run.record)} was removed before its status was read`, {
      detail: "by another envctl: rm, destroy, or after a throwaway run any that changes something",
    });
  await settle(host, state, over);
  if (over.state === "ended") return { run: over, status: exitStatus(over.ending) };
  throw failure(125, "no_run", `${runName(run.record)} ended without a status`, {
    detail: "its supervisor was killed, or the machine was started anew",
  });
}

/** Of a run that is over its groups go; a throwaway instance goes altogether. */
async function settle(host: ControlHost, state: OpenState, { record, ...run }: DetachedRun): Promise<void> {
  if (instanceOf(record.id) === undefined) {
    for (const { dir } of ownGroups({ record, ...run })) removeLeaf(host, dir);
    return;
  }
  const lock = await hold(host, state, record.id);
  try {
    removeInstance(host, state, record.id);
  } finally {
    lock.release();
  }
}

/** Takes away what is kept of a run that is over. @throws Failure busy, in_use */
export async function removeRun(host: ControlHost, state: OpenState, run: DetachedRun): Promise<void> {
  await settle(host, state, run);
  if (instanceOf(run.record.id) !== undefined) return;
  const lock = await hold(host, state, run.record.id);
  try {
    forgetRun(host, state, run.files);
  } finally {
    lock.release();
  }
}
