import { type Check, type DoctorReport, works } from "#model/doctor";
import { paint } from "./ansi.ts";
import { line } from "./json.ts";
import { symbols, type Look } from "./look.ts";
import { block, count, inert, pad, width } from "./text.ts";

/** A line a probe: mark, name, what is there; beneath a "no" what envctl does about it and what mends it. */
export function doctorText(given: DoctorReport, look: Look): string {
  const report = inert(given);
  const p = paint(look.color);
  const { ok, failed } = symbols(look);
  const marks = { yes: p.green(ok), degraded: p.yellow("~".padEnd(ok.length)), no: p.red(failed) };
  const column = Math.max(...report.checks.map((c) => width(c.name)));
  const lines = report.checks.flatMap((check) => {
    const head = `  ${marks[check.status]} ${pad(check.name, column)}  `;
    const indent = ok.length + column + 5;
    const more = [check.effect, check.fix === undefined ? undefined : `fix: ${check.fix}`].filter(
      (text) => text !== undefined,
    );
    return [
      ...block(head, check.found, look.columns, indent),
      ...(check.status === "yes"
        ? []
        : more.flatMap((text) => block(" ".repeat(indent), text, look.columns, indent).map(p.dim))),
    ];
  });
  return `${p.bold(`Linux ${report.kernel}`)}\n\n${lines.join("\n")}\n\n${verdict(report)}\n`;
}

function verdict(report: DoctorReport): string {
  const of = (status: Check["status"]): number => report.checks.filter((c) => c.status === status).length;
  if (!works(report)) return "Environments cannot be applied here: see the lines above.";
  const [degraded, no] = [of("degraded"), of("no")];
  if (degraded + no === 0) return "Everything works here.";
  const what = report.rootless
    ? "Environments can be run here (run --rm); to apply them needs root"
    : "Environments can be applied here";
  return `${what}; ${[...(no > 0 ? [`${count(no, "thing")} missing`] : []), ...(degraded > 0 ? [`${degraded} degraded`] : [])].join(", ")}.`;
}

/** envctl.doctor/1 */
export function doctorJson(report: DoctorReport): string {
  return line({ format: "envctl.doctor/1", ok: works(report), kernel: report.kernel, checks: report.checks });
}
