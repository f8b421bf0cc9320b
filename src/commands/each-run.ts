import type { DetachedRun } from "#model/detached";
import { psJson } from "#views/json-runs";
import type { ControlContext } from "./context.ts";
import { complain, exitOf, isInterruption } from "./context.ts";

/** What became of a run: the exit code on its account, and what is told of it where JSON was not asked for. */
export type Outcome = { readonly run: DetachedRun; readonly status?: number; readonly text?: string };

/**
 * Does something to each run that was named, whatever became of the others, until a signal comes: then `work` answers undefined, or
 * throws that it was interrupted. The first failure's exit code. As JSON one object: the runs, or all that went wrong.
 */
export async function eachRun(
  context: ControlContext,
  find: (arg: string) => readonly DetachedRun[],
  work: (run: DetachedRun) => Promise<Outcome | undefined>,
): Promise<number> {
  const { words, json } = context;
  // Names are looked up first: a mistake in one of them, and nothing was done.
  const runs = context.args.operands.flatMap(find);
  const told: DetachedRun[] = [];
  const failures: unknown[] = [];
  let code = 0;
  let cut = false;
  for (const run of new Map(runs.map((one) => [one.files.dir, one])).values()) {
    if (cut) break;
    try {
      const outcome = await work(run);
      cut = outcome === undefined;
      if (outcome === undefined) continue;
      told.push(outcome.run);
      if (!json && outcome.text !== undefined) words.out(outcome.text);
      code ||= outcome.status ?? 0;
    } catch (error) {
      failures.push(error);
      if (!json) await complain(context, error);
      code ||= exitOf(error);
      cut = isInterruption(error);
    }
  }
  if (json) words.out(failures.length > 0 ? await wrongJson(failures) : psJson(told));
  return cut ? 130 : code;
}

async function wrongJson(failures: readonly unknown[]): Promise<string> {
  const { diagnosticsOf } = await import("#views/diagnostics");
  const { errorJson } = await import("#views/json");
  return errorJson(failures.flatMap((error) => diagnosticsOf(error)));
}
