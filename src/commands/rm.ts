import { removeRun, stopRun } from "#engine/control";
import { runsNamed } from "#engine/runs";
import { openState } from "#engine/state";
import { runName, type DetachedRun } from "#model/detached";
import { failure } from "#model/diagnostic";
import type { ControlContext } from "./context.ts";
import { eachRun } from "./each-run.ts";

/** Forgets runs that ended; with --force ends them first. */
export async function command(context: ControlContext): Promise<number> {
  const { args, host } = context;
  const force = args.has("force");
  const find = (arg: string): readonly DetachedRun[] => {
    const runs = runsNamed(host, arg);
    const over = runs.filter(({ state }) => state !== "running");
    return force || over.length === 0 ? runs : over;
  };
  return eachRun(context, find, async (run) => {
    if (run.state === "running" && !force) {
      const name = runName(run.record);
      throw failure(1, "refused", `${name} is running`, { hint: `envctl stop ${name}, or rm -f` });
    }
    const state = openState(host);
    const ended = await stopRun(host, state, run, 0);
    await removeRun(host, state, ended);
    return { run: ended };
  });
}
