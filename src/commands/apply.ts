import { openApply } from "#engine/apply";
import { filesOf, select } from "#engine/select";
import { usage } from "./args.ts";
import type { WriteContext } from "./context.ts";
import { takeAway } from "./destroy.ts";
import { transact } from "./transaction.ts";

/** Makes it so. */
export async function command(context: WriteContext): Promise<number> {
  const { args, host } = context;
  const onError = args.value("on-error") ?? "rollback";
  if (onError !== "rollback" && onError !== "keep")
    throw usage(`--on-error takes rollback or keep, not "${onError}"`, args.command);
  const name = args.value("plan");
  if (name !== undefined && args.operands.length > 0)
    throw usage("a saved plan names its environments itself", args.command);
  const saved = name === undefined ? undefined : (await import("#engine/saved")).openSaved(host, name);
  if (saved?.intent === "destroy")
    return takeAway(context, saved.targets, { keepUpper: false, lazy: false }, saved.spend);
  const session = await openApply(host, saved?.files() ?? filesOf(select(host, args.operands)));
  try {
    const whole = saved === undefined || session.failures.length === 0;
    if (whole) saved?.spend(session.planned);
    const entry = session.planned[0]?.declared.loaded.spec.entry.command;
    const code = await transact(context, {
      intent: "apply",
      plans: whole ? session.planned.map(({ plan }) => plan) : [],
      failures: session.failures,
      agreed: saved !== undefined,
      carryOut: (ready, tell) => session.carryOut(ready, tell, onError),
      next: entry === undefined ? "no_entry" : "entry",
    });
    if (code === 0) await session.noteEdits();
    return code;
  } finally {
    session.close();
  }
}
