import { drift } from "#engine/drift";
import { select } from "#engine/select";
import { driftText } from "#views/drift";
import { driftJson } from "#views/json";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Finds what changed behind envctl's back; exit 2 where there is any. */
export function command(context: Context): number {
  const { args, host } = context;
  const report = drift(host, args.operands.length === 0 ? undefined : select(host, args.operands));
  result(
    context,
    (look) => driftText(report, look),
    () => driftJson(report),
  );
  return report.unowned.length > 0 || report.envs.some((env) => env.findings.length > 0) ? 2 : 0;
}
