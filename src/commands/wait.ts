import { awaitRun } from "#engine/control";
import { runNamed } from "#engine/runs";
import { openState } from "#engine/state";
import type { DetachedRun } from "#model/detached";
import type { ControlContext } from "./context.ts";
import { eachRun } from "./each-run.ts";

/** Until they end; tells and exits as they did. */
export async function command(context: ControlContext): Promise<number> {
  const { host } = context;
  const find = (arg: string): readonly DetachedRun[] => [runNamed(host, arg, "any")];
  return eachRun(context, find, async (run) => {
    const over = await awaitRun(host, openState(host), run);
    return over && { ...over, text: `${over.status}\n` };
  });
}
