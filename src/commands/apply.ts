import { openApply } from "#engine/apply";
import { filesOf, select } from "#engine/select";
import { usage } from "./args.ts";
import type { WriteContext } from "./context.ts";
import { transact } from "./transaction.ts";

/** Makes it so. */
export async function command(context: WriteContext): Promise<number> {
  const { args, host } = context;
  const onError = args.value("on-error") ?? "rollback";
  if (onError !== "rollback" && onError !== "keep")
    throw usage(`--on-error takes rollback or keep, not "${onError}"`, args.command);
  const session = await openApply(host, filesOf(select(host, args.operands)));
  try {
    const entry = session.planned[0]?.declared.loaded.spec.entry.command;
    return await transact(context, {
      intent: "apply",
      plans: session.planned.map((p) => p.plan),
      carryOut: (plan, tell) => session.carryOut(plan, tell, onError),
      next: entry === undefined ? "no_entry" : "entry",
    });
  } finally {
    session.close();
  }
}
