import { stopRun } from "#engine/control";
import { runNamed } from "#engine/runs";
import { openState } from "#engine/state";
import type { DetachedRun } from "#model/detached";
import { parseDuration } from "#model/duration";
import { stoppedText } from "#views/ps";
import { usage } from "./args.ts";
import type { ControlContext } from "./context.ts";
import { eachRun } from "./each-run.ts";

/** SIGTERM, some time, SIGKILL; tells how each ended. */
export async function command(context: ControlContext): Promise<number> {
  const { host, quiet } = context;
  const grace = graceOf(context);
  const find = (arg: string): readonly DetachedRun[] => [runNamed(host, arg, "any")];
  return eachRun(context, find, async (run) => {
    const ended = await stopRun(host, openState(host), run, grace);
    return { run: ended, ...(quiet ? {} : { text: stoppedText(ended) }) };
  });
}

/** Seconds, as `docker stop` takes them, or a duration (ms). */
function graceOf({ args }: ControlContext): number {
  const text = args.value("time") ?? "10";
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms !== undefined) return ms;
  throw usage(`--time takes seconds or a duration, not "${text}"`, args.command, "For example 30 or 500ms.");
}
