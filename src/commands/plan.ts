import { planDestruction, planTargets } from "#engine/plan";
import { select } from "#engine/select";
import { changes } from "#model/plan";
import { planJson } from "#views/json-plan";
import { notApplied, planText } from "#views/plan";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Prints what apply would change, and why. */
export async function command(context: Context): Promise<number> {
  const { args, host } = context;
  const targets = select(host, args.operands);
  const plans = args.has("destroy") ? planDestruction(host, targets) : await planTargets(host, targets);
  result(
    context,
    (look) => (plans.length > 0 ? planText(plans, look) : notApplied(targets.map((target) => target.name))),
    () => planJson(plans),
  );
  return args.has("detailed-exitcode") && plans.some((plan) => changes(plan.summary) > 0) ? 2 : 0;
}
