import { planDestruction, planTargets } from "#engine/plan";
import { savedText } from "#engine/saved";
import { select } from "#engine/select";
import { absolute } from "#model/brand";
import { changes } from "#model/plan";
import { planJson } from "#views/json-plan";
import { notApplied, planText } from "#views/plan";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Prints what apply would change, and why. */
export async function command(context: Context): Promise<number> {
  const { args, host } = context;
  const out = args.value("out");
  if (out !== undefined && args.has("destroy"))
    throw usage("a destruction is not saved: destroy works from the record", args.command);
  const targets = select(host, args.operands);
  const planned = args.has("destroy") ? [] : await planTargets(host, targets);
  const plans = args.has("destroy") ? planDestruction(host, targets) : planned.map((p) => p.plan);
  if (out !== undefined) await context.save(absolute(host.cwd, out), savedText(host, planned));
  result(
    context,
    (look) => (plans.length > 0 ? planText(plans, look) : notApplied(targets.map((target) => target.name))),
    () => planJson(plans),
  );
  return args.has("detailed-exitcode") && plans.some((plan) => changes(plan.summary) > 0) ? 2 : 0;
}
