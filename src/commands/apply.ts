import { openApply } from "#engine/apply";
import { checkFresh, readSaved, savedText } from "#engine/saved";
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
  const name = args.value("plan");
  if (name !== undefined && args.operands.length > 0)
    throw usage("a saved plan names its environments itself", args.command);
  const plan = name === undefined ? undefined : readSaved(host, name);
  const session = await openApply(host, plan?.files ?? filesOf(select(host, args.operands)));
  try {
    if (plan !== undefined && session.failures.length === 0) {
      checkFresh(host, name!, plan.saved, session.planned);
      host.files.replaceFile(plan.path, savedText(host, session.planned, host.clock.now()));
    }
    const entry = session.planned[0]?.declared.loaded.spec.entry.command;
    const code = await transact(context, {
      intent: "apply",
      plans: session.planned.map((p) => p.plan),
      failures: session.failures,
      agreed: plan !== undefined,
      carryOut: (ready, tell) => session.carryOut(ready, tell, onError),
      next: entry === undefined ? "no_entry" : "entry",
    });
    if (code === 0) await session.noteEdits();
    return code;
  } finally {
    session.close();
  }
}
