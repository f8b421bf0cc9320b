import { shownName } from "#model/identity";
import { abreast } from "#engine/abreast";
import type { Carried, Told } from "#engine/carry-out";
import type { Diagnostic } from "#model/diagnostic";
import type { Ended } from "#model/outcome";
import type { Plan, Summary } from "#model/plan";
import { total } from "#model/plan";
import { endedText } from "#views/ended";
import { errorJson } from "#views/json";
import { streamJson } from "#views/json-plan";
import { turns } from "#views/turns";
import { achieved } from "./achieved.ts";
import { carryOne } from "./carry-one.ts";
import type { WriteContext } from "./context.ts";
import { exitOf, worst } from "./context.ts";

/** Plans of one command, and how one of them is carried out. */
export type Carrying = {
  readonly intent: Plan["intent"];
  readonly plans: readonly Plan[];
  carryOut(plan: Plan, tell: Told): Promise<Carried>;
  /** Whether what was applied can be run without naming a command. */
  readonly next?: "entry" | "no_entry";
};

/** Of environments that got no further than their plan: the exit codes they ask for, and why. */
export type LeftOut = { readonly codes: readonly number[]; readonly wrong: readonly Diagnostic[] };

/**
 * Carries out those of the plans that are `ready`, side by side and told in their order, and says what came of the whole. Answers the
 * exit code.
 */
export async function carry(
  context: WriteContext,
  carrying: Carrying,
  ready: readonly Plan[],
  left: LeftOut,
): Promise<number> {
  const { words, look, json, host } = context;
  const stream = streamJson(carrying.intent);
  const began = host.clock.monotonic();
  const codes = [...left.codes];
  // For machines all that fails is one object, wherever it failed.
  const wrong = [...left.wrong];
  const settled = carrying.plans.filter((plan) => plan.kind === "ready" && !ready.includes(plan));
  const summaries: Summary[] = settled.map((plan) => plan.summary);
  let failed: Ended["failed"];
  let interrupted = false;
  const order = turns(ready.length, (text) => void words.err(text));
  await abreast(ready, async (plan) => {
    const say = (text: string): void => order.say(ready.indexOf(plan), text);
    const one = await carryOne(context, plan, (tell) => carrying.carryOut(plan, tell), say);
    const { ended } = one;
    order.end(ready.indexOf(plan));
    wrong.push(...one.wrong);
    if (ended.kind === "done") summaries.push(plan.summary);
    else {
      if (ended.kind === "failed") codes.push(exitOf(ended.error));
      else interrupted = true;
      failed = failedAs(ended, failed, carrying.intent, context.args.value("on-error"));
      if (failed === "kept") summaries.push(achieved(plan, one.told));
    }
    return !interrupted;
  });
  if (ready.length > 0 || json) {
    const summary = total(summaries);
    const end: Ended = {
      intent: carrying.intent,
      ms: host.clock.monotonic() - began,
      summary,
      ...(failed === undefined ? {} : { failed }),
      ...(interrupted ? { interrupted } : {}),
      ...(left.codes.length > 0 ? { leftOut: true } : {}),
    };
    if (json) words.out((wrong.length > 0 ? errorJson(wrong) : "") + stream.summary(end));
    else if (!context.quiet || failed !== undefined)
      words.err(endedText(end, ready.map(shownName), look.err, carrying.next));
  }
  return interrupted ? 130 : worst(codes);
}

/** How the whole failed, once one more did: what could not be put back outweighs all else. */
function failedAs(
  ended: Carried,
  before: Ended["failed"],
  intent: Plan["intent"],
  onError: string | undefined,
): Ended["failed"] {
  if (ended.undone === "failed" || before === "undo_failed") return "undo_failed";
  return intent === "destroy" || onError === "keep" ? "kept" : "undone";
}
