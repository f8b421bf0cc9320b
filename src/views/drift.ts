import type { DriftReport } from "#model/outcome";
import type { Finding, FindingKind } from "#model/plan";
import { paint } from "./ansi.ts";
import { proseColumns, shortAddress, shown, type Look } from "./look.ts";
import { block, count, inert, list, noted, pad, width } from "./text.ts";

const KINDS: readonly FindingKind[] = [
  "rebooted",
  "missing",
  "changed",
  "stacked",
  "stale_source",
  "foreign",
  "orphan",
  "leftover",
];
/** What a finding means for the commands, where its detail does not say so. */
const MEANS: Partial<Readonly<Record<FindingKind, string>>> = {
  foreign: "destroy will refuse while it is there",
};

/** Record against kernel: a section an environment, then what no file declares, then the sum. */
export function driftText(given: DriftReport, look: Look): string {
  const report = inert(given);
  const p = paint(look.color);
  const all = [...report.envs.flatMap((env) => env.findings), ...report.unowned];
  const rows = new Map(all.map((f) => [f, place(f, report)]));
  const kinds = Math.max(8, ...all.map((f) => f.kind.length)) + 2;
  const addresses = Math.max(0, ...[...rows.values()].map(width)) + 2;
  const finding = (f: Finding): string[] => {
    const indent = " ".repeat(2 + kinds);
    const left = `  ${p.yellow(pad(f.kind.replace("_", " "), kinds))}${pad(rows.get(f)!, addresses)}`;
    const at = Math.min(2 + kinds + addresses, Math.max(38, Math.floor(look.columns * 0.6)));
    const means = MEANS[f.kind];
    return [
      ...noted(left.trimEnd(), f.detail, at, look.columns, (text) => text),
      ...(means === undefined ? [] : [indent + p.dim(means)]),
      `${indent}${p.dim("fix:")} ${p.cyan(f.fix)}`,
    ];
  };
  const envs = report.envs.flatMap((env) => {
    const note = `Note: ${shown(env.file, look)} has unapplied edits (not drift); see envctl plan.`;
    const lines = [
      ...env.findings.flatMap(finding),
      ...(env.unapplied ? block("  ", note, proseColumns(look)) : []),
    ];
    return lines.length === 0 ? [] : [`${p.bold(env.name)}  ${p.dim(`(${env.id})`)}`, ...lines, ""];
  });
  const unowned =
    report.unowned.length === 0
      ? []
      : [p.bold("Belonging to no file"), ...report.unowned.flatMap(finding), ""];
  return [...envs, ...unowned, sum(all, report), ""].join("\n");
}

/** The address as its environment calls it; a mount below the environment's directory relative to that. */
function place(finding: Finding, report: DriftReport): string {
  const inside = finding.address.indexOf(`/envs/${finding.env}/`);
  if (inside >= 0) return finding.address.slice(inside + `/envs/${finding.env}/`.length);
  const name = report.envs.find((env) => env.id === finding.env)?.name;
  return name === undefined ? finding.address : shortAddress(finding.address, name);
}

function sum(all: readonly Finding[], report: DriftReport): string {
  if (all.length > 0) {
    const parts = KINDS.flatMap((kind) => {
      const n = all.filter((f) => f.kind === kind).length;
      return n === 0 ? [] : [`${n} ${kind.replace("_", " ")}`];
    });
    return `${count(all.length, "finding")}: ${parts.join(", ")}.`;
  }
  const names = report.envs.map((env) => env.name);
  if (names.length === 0) return "No drift. Nothing is applied.";
  return `No drift. ${list(names)} ${names.length === 1 ? "is" : "are"} as applied.`;
}
