import { planDestruction, planTargets } from "#engine/plan";
import { select, type Target } from "#engine/select";
import { type Diagnostic, Failure } from "#model/diagnostic";
import { changes, type Plan } from "#model/plan";
import { unchanged } from "#views/unchanged";
import type { Context } from "./context.ts";
import { complain, exitOf, worst } from "./context.ts";

/** Prints what apply would change, and why. */
export async function command(context: Context): Promise<number> {
  const { args, host, json, look, words } = context;
  const out = args.value("out");
  const intent = args.has("destroy") ? "destroy" : "apply";
  const targets = select(host, args.operands);
  const failures: unknown[] = [];
  const made =
    intent === "destroy"
      ? (await planDestruction(host, targets, failures)).map((plan) => ({ plan }))
      : await planTargets(host, targets, failures);
  const plans = made.map(({ plan }) => plan);
  if (failures.length > 0) {
    if (!json && plans.length > 0) words.out(await report(context, plans, targets));
    const why = failures.flatMap((error) => (error instanceof Failure ? error.diagnostics : []));
    throw new Failure(worst(failures.map(exitOf)), [...why, ...unsaved(out)]);
  }
  if (out !== undefined) {
    const { placeToSave, savedText } = await import("#engine/saved");
    const place = placeToSave(host, out);
    try {
      await context.save(place, savedText(host, intent, made));
    } catch (error) {
      await complain(context, error, `the plan cannot be saved as ${out}`);
      return 1;
    }
  }
  const brief = json ? undefined : unchanged(plans, look.out);
  words.out(brief ?? (await report(context, plans, targets)));
  return args.has("detailed-exitcode") && plans.some((plan) => changes(plan.summary) > 0) ? 2 : 0;
}

/** A saved plan is a promise for all that was named. */
function unsaved(out: string | undefined): readonly Diagnostic[] {
  return out === undefined ? [] : [{ severity: "error", code: "refused", summary: `${out} was not written` }];
}

async function report(
  { json, look }: Context,
  plans: readonly Plan[],
  targets: readonly Target[],
): Promise<string> {
  if (json) return (await import("#views/json-plan")).planJson(plans);
  const { notApplied, planText } = await import("#views/plan");
  return plans.length > 0 ? planText(plans, look.out) : notApplied(targets.map((target) => target.name));
}
