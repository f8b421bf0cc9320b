import type { DetachedRun } from "#model/detached";
import { runName } from "#model/detached";
import { failure } from "#model/diagnostic";
import { instanceOf } from "#model/identity";
import { exitStatus } from "#model/launch";
import { stopProcesses } from "#guard/stop";
import { substitute } from "#launch/substitute";
import { lives } from "#observe/runs";
import { forgetRun, ownGroups } from "./forget-run.ts";
import type { ControlHost, ReadHost } from "./host.ts";
import { removeLeaf } from "./run-groups.ts";
import { lookAgain, notRunning } from "./runs.ts";
import type { OpenState } from "./state.ts";
import { hold } from "./state.ts";
import { removeInstance } from "./instance.ts";

/** Pauses between looks (ms) grow from the first to the second. */
const [FIRST_MS, LONGEST_MS] = [2, 50];
/** How long a supervisor may take once its entry is gone (ms). */
const PATIENCE_MS = 5000;

/**
 * Waits until a run is over and its supervisor gone; at most `ms`. Between two looks signals are let in: by default they end us.
 * Answers the run as it then stands.
 */
export async function awaitEnd(
  host: ReadHost & { readonly breathe?: () => Promise<void>; readonly interrupted?: () => boolean },
  run: DetachedRun,
  ms: number = Infinity,
): Promise<DetachedRun> {
  const end = host.clock.monotonic() + ms;
  for (
    let pause = FIRST_MS;
    lives(host.reader, run.record.supervisor);
    pause = Math.min(2 * pause, LONGEST_MS)
  ) {
    const left = end - host.clock.monotonic();
    if (left <= 0 || host.interrupted?.() === true) break;
    host.clock.pause(Math.min(pause, left));
    await host.breathe?.();
  }
  return lookAgain(host, run);
}

/**
 * Sends a signal to a run's entry as `run` hands one on: where PID 1 has no handler and the default action would have ended it, SIGKILL
 * does, and the status names the signal that was meant. @throws Failure not_running
 */
export function signalRun(host: ControlHost, run: DetachedRun, signal: string): void {
  const { entry } = run.record;
  const sent = lives(host.reader, entry) ? substitute(host.reader, entry.pid, signal) : signal;
  if (sent !== signal) host.files.writeFile(run.files.signal, `${signal}\n`, 0o600);
  if (!host.signals.signal(entry, sent)) throw notRunning([run]);
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
  if (graceMs > 0 && lives(host.reader, run.record.entry)) {
    signalRun(host, run, "SIGTERM");
    now = await awaitEnd(host, run, graceMs);
  }
  if (now.state === "running") {
    host.signals.signal(run.record.entry, "SIGKILL");
    stopProcesses(host, { lineage: state.lineage, id: run.record.id }, ownGroups(run));
    now = await awaitEnd(host, run, PATIENCE_MS);
  }
  if (now.state === "running") {
    throw failure(5, "busy", `${runName(run.record)} does not end after SIGKILL`, {
      hint: "it waits for a device; repeat the command when it has answered",
    });
  }
  await settle(host, state, now);
  return now;
}

/** Waits for the end of a run; answers it, and what `run` would have exited with. @throws Failure 125 where that is not known */
export async function awaitRun(
  host: ControlHost,
  state: OpenState,
  run: DetachedRun,
): Promise<{ readonly run: DetachedRun; readonly status: number }> {
  const over = await awaitEnd(host, run);
  if (over.state === "running") throw failure(1, "interrupted", "interrupted");
  await settle(host, state, over);
  if (over.state === "ended") return { run: over, status: exitStatus(over.ending) };
  throw failure(125, "no_run", `${runName(run.record)} ended without a status`, {
    detail: "its supervisor was killed, or the machine was started anew",
  });
}

/** Of a run that is over its groups go; a throwaway instance goes altogether. */
export async function settle(
  host: ControlHost,
  state: OpenState,
  { record, ...run }: DetachedRun,
): Promise<void> {
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
