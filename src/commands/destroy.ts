import { openDestroy, recorded } from "#engine/destroy";
import { select } from "#engine/select";
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
  const session = await openDestroy(host, targets, {
    keepUpper: args.has("keep-upper"),
    lazy: args.has("force-lazy"),
  });
  try {
    const here = new Set(session.plans.map((plan) => plan.id));
    const absent = targets.filter((target) => !here.has(target.id)).map((target) => target.name);
    const { plans, failures, carryOut } = session;
    return await transact(context, {
      intent: "destroy",
      plans,
      failures,
      carryOut,
      absent: failures.length > 0 ? [] : absent,
    });
  } finally {
    session.close();
  }
}
