import { drift } from "#engine/drift";
import { select } from "#engine/select";
import type { DriftReport } from "#model/outcome";
import type { Finding } from "#model/plan";
import { shell } from "#model/shell";
import { driftText } from "#views/drift";
import { driftJson } from "#views/json";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Finds what changed behind envctl's back; exit 2 where there is any. */
export function command(context: Context): number {
  const { args, host } = context;
  const targets = args.operands.length === 0 ? undefined : select(host, args.operands);
  const report = typedWith(drift(host, targets), args.value("state-dir"));
  result(
    context,
    (look) => driftText(report, look),
    () => driftJson(report),
  );
  return report.unowned.length > 0 || report.envs.some((env) => env.findings.length > 0) ? 2 : 0;
}

/** A fix is typed in the same shell: what that has from its environment it has again, and not what was said on this line. */
function typedWith(report: DriftReport, stateDir: string | undefined): DriftReport {
  if (stateDir === undefined) return report;
  const typed = (finding: Finding): Finding =>
    /(^| )envctl /.test(finding.fix)
      ? { ...finding, fix: `${finding.fix} ${shell(["--state-dir", stateDir])}` }
      : finding;
  const envs = report.envs.map((env) => ({ ...env, findings: env.findings.map(typed) }));
  return { envs, unowned: report.unowned.map(typed) };
}
