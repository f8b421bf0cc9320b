import { awaitRun } from "#engine/control";
import { runNamed } from "#engine/runs";
import { openState } from "#engine/state";
import type { DetachedRun } from "#model/detached";
import { psJson } from "#views/json-runs";
import type { ControlContext } from "./context.ts";
import { eachRun } from "./each-run.ts";

/** Until they end; tells and exits as they did. */
export async function command(context: ControlContext): Promise<number> {
  const { host, words, json } = context;
  const ended: DetachedRun[] = [];
  const find = (arg: string): readonly DetachedRun[] => [runNamed(host, arg, "any")];
  const code = await eachRun(context, find, async (run) => {
    const over = await awaitRun(host, openState(host), run);
    if (over === undefined) return 130;
    ended.push(over.run);
    if (!json) words.out(`${over.status}\n`);
    return over.status;
  });
  if (json) words.out(psJson(ended));
  return code;
}
