import { Failure } from "#model/diagnostic";
import type { DetachedRun } from "#model/detached";
import type { ControlContext } from "./context.ts";
import { complain, isInterruption } from "./context.ts";

/** Does something to each run that was named, whatever became of the others, until a signal comes; the first failure's exit code. */
export async function eachRun(
  context: ControlContext,
  find: (arg: string) => readonly DetachedRun[],
  work: (run: DetachedRun) => Promise<number>,
): Promise<number> {
  // Names are looked up first: a mistake in one of them, and nothing was done.
  const runs = context.args.operands.flatMap(find);
  let code = 0;
  for (const run of new Map(runs.map((one) => [one.files.dir, one])).values()) {
    try {
      code ||= await work(run);
    } catch (error) {
      await complain(context, error);
      if (isInterruption(error)) return 130;
      code ||= error instanceof Failure ? error.exit : 1;
    }
  }
  return code;
}
