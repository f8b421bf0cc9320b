import { openDestroy, recorded, type DestroyOptions } from "#engine/destroy";
import { select, type Target } from "#engine/select";
import type { Plan } from "#model/plan";
import { usage } from "./args.ts";
import type { WriteContext } from "./context.ts";
import { transact } from "./transaction.ts";

/** Takes it away, and nothing else. */
export async function command(context: WriteContext): Promise<number> {
  const { args, host } = context;
  if (args.has("all") && args.has("orphans")) throw usage("either --all or --orphans", args.command);
  const which = args.has("all") ? "all" : args.has("orphans") ? "orphans" : undefined;
  if (which !== undefined && args.operands.length > 0)
    throw usage(`--${which} takes no environment`, args.command);
  const targets = which === undefined ? select(host, args.operands) : recorded(host, which);
  return takeAway(context, targets, { keepUpper: args.has("keep-upper"), lazy: args.has("force-lazy") });
}

/** `spend`: what was agreed to before hears the plans, and throws where they are not the same. */
export async function takeAway(
  context: WriteContext,
  targets: readonly Target[],
  options: DestroyOptions,
  spend?: (made: readonly { readonly plan: Plan }[]) => void,
): Promise<number> {
  const session = await openDestroy(context.host, targets, options);
  try {
    const { failures, carryOut } = session;
    const plans = spend !== undefined && failures.length > 0 ? [] : session.plans;
    if (failures.length === 0) spend?.(plans.map((plan) => ({ plan })));
    const here = new Set(plans.map((plan) => plan.id));
    const absent = targets.filter((target) => !here.has(target.id)).map((target) => target.name);
    return await transact(context, {
      intent: "destroy",
      plans,
      failures,
      carryOut,
      agreed: spend !== undefined,
      absent: failures.length > 0 ? [] : absent,
    });
  } finally {
    session.close();
  }
}
