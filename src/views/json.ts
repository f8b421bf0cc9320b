// Machine-readable output: one object a format, `format` first, keys always in the same order.
import type { Diagnostic } from "#model/diagnostic";
import type { DriftReport, ValidateReport } from "#model/outcome";
import type { Finding } from "#model/plan";
import type { LimitName } from "#model/resource";

export type Json = Readonly<Record<string, unknown>>;

/** One object, one line. */
export function line(value: Json): string {
  return `${JSON.stringify(value)}\n`;
}

/** A limit is a number, but for lists of CPUs and nodes. */
export function limitValue(name: LimitName, value: unknown): unknown {
  const listed = name === "cpuset" || name === "cpuset_mems";
  return !listed && typeof value === "string" && /^\d+(\.\d+)?$/.test(value)
    ? Number(value)
    : (value ?? null);
}

/** A finding as plans and drift tell it. */
export function finding(f: Finding): Json {
  const { env, address, kind, detail, fix, mount, path } = f;
  return {
    env,
    address,
    kind,
    detail,
    fix,
    ...(mount === undefined ? {} : { mount }),
    ...(path === undefined ? {} : { path }),
  };
}

/** A diagnostic without the source line, which may hold what a file keeps secret. */
export function diagnostic(d: Diagnostic): Json {
  const { severity, code, summary: sentence, detail = "", file, span, call, errno, hint } = d;
  return {
    severity,
    code,
    summary: sentence,
    detail,
    ...(file === undefined ? {} : { file }),
    ...(span === undefined ? {} : { line: span.line, column: span.column }),
    ...(call === undefined ? {} : { call }),
    ...(errno === undefined ? {} : { errno }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** envctl.error/1 */
export function errorJson(diagnostics: readonly Diagnostic[]): string {
  return line({ format: "envctl.error/1", diagnostics: diagnostics.map(diagnostic) });
}

/** envctl.version/1 */
export function versionJson(version: string): string {
  return line({ format: "envctl.version/1", version });
}

/** envctl.drift/1 */
export function driftJson(report: DriftReport): string {
  const findings = [...report.envs.flatMap((env) => env.findings), ...report.unowned].map(finding);
  const envs = report.envs.map(({ id, name, file, unapplied }) => ({ id, name, file, unapplied }));
  return line({ format: "envctl.drift/1", clean: findings.length === 0, findings, envs });
}

/** envctl.validate/1 */
export function validateJson(report: ValidateReport): string {
  const files = report.files.map(({ file, name, id, diagnostics }) => ({
    file,
    ...(name === undefined ? {} : { name }),
    ...(id === undefined ? {} : { id }),
    valid: !diagnostics.some((d) => d.severity === "error"),
    diagnostics: diagnostics.map(diagnostic),
  }));
  return line({ format: "envctl.validate/1", valid: files.every((file) => file.valid), files });
}
