import { shownName } from "#model/identity";
import type { Action, Finding, Plan, Summary } from "#model/plan";
import { changes, isSettled, total } from "#model/plan";
import { paint, type Paint } from "./ansi.ts";
import { attributesOf, type Attribute } from "./attributes.ts";
import { obstacles } from "./busy.ts";
import { proseColumns, shortAddress, shown, symbols, type Look } from "./look.ts";
import { reasonText } from "./reasons.ts";
import { noChanges } from "./unchanged.ts";
import { block, inert, list, noted, pad, width } from "./text.ts";

const SYMBOLS = { create: "+", update: "~", replace: "-/+", delete: "-", keep: " " } as const;
const LEGEND = { create: "create", update: "update in place", replace: "replace", delete: "delete" } as const;
/** The column of reasons and remarks; further right where names are long. */
const NOTES = 42;
const OPS = ["create", "update", "replace", "delete"] as const;

/** The plan picture: one section an environment, one sum over all of them. */
export function planText(given: readonly Plan[], look: Look): string {
  const plans = inert(given);
  const p = paint(look.color);
  const alone = plans.length === 1;
  const sections = plans
    .map((plan) => section(plan, look, p, alone))
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n\n`);
  return `${sections.join("")}${lastLine(plans, p)}\n`;
}

/** Environments that were to be destroyed and are not on this host. */
export function notApplied(names: readonly string[]): string {
  if (names.length === 0) return "Nothing to destroy.\n";
  return `Nothing to destroy. ${list(inert(names))} ${names.length === 1 ? "is" : "are"} not applied.\n`;
}

/** `web-tests  envs/web-tests.yaml  (web-tests-931505fb)`. */
export function header(env: Pick<Plan, "name" | "file" | "id">, look: Look, p: Paint): string {
  return `${p.bold(shownName(env))}  ${shown(env.file, look)}  ${p.dim(`(${env.id})`)}`;
}

function section(plan: Plan, look: Look, p: Paint, alone: boolean): string[] {
  const todo = plan.actions.filter((a) => a.op !== "keep");
  const parts = [
    drifted(plan, look, p),
    todo.length === 0 ? [] : planned(todo, plan, look, p),
    ...plan.warnings.map((w) => {
      const at =
        w.file === undefined || w.span === undefined ? "" : ` (${shown(w.file, look)}:${w.span.line})`;
      const text = [`${w.summary}${at}`, w.detail, w.hint]
        .filter((s) => s !== undefined)
        .map(sentence)
        .join(" ");
      return block("  ", `Warning: ${text}`, proseColumns(look)).map((line) =>
        line.replace("Warning:", p.yellow("Warning:")),
      );
    }),
    plan.kind === "blocked"
      ? [`  ${p.red("Blocked")} until this is out of the way`, "", ...obstacles(plan, look, "    ")]
      : [],
  ].filter((lines) => lines.length > 0);
  if (parts.length === 0) {
    if (alone) return [];
    parts.push([`  ${plan.intent === "destroy" ? "Nothing to destroy." : "No changes."}`]);
  }
  return [header(plan, look, p), ...parts.flatMap((lines) => ["", ...lines])];
}

const sentence = (text: string, i: number): string =>
  (i === 0 ? text : text.charAt(0).toUpperCase() + text.slice(1)) + (/[.!?:]$/.test(text) ? "" : ".");

function drifted(plan: Plan, look: Look, p: Paint): string[] {
  if (plan.drift.length === 0 || plan.intent === "destroy") return [];
  const named = plan.drift.map((f) => ({ address: place(f, plan), finding: f }));
  const addresses = Math.max(...named.map(({ address }) => width(address))) + 3;
  const kinds = Math.max(...named.map(({ finding }) => finding.kind.length)) + 4;
  const lines = named.flatMap(({ address, finding: f }) => {
    const kind = p.yellow(f.kind.replace("_", " "));
    return noted(
      `    ${pad(address, addresses)}${kind}`,
      outside(f),
      4 + addresses + kinds,
      look.columns,
      p.dim,
    );
  });
  return [`  ${p.bold("Changed outside envctl since the last apply")}`, ...lines];
}

function place(finding: Finding, plan: Plan): string {
  const { dir } = plan.observed.place;
  return finding.address.startsWith(`${dir}/`)
    ? finding.address.slice(dir.length + 1)
    : shortAddress(finding.address, plan.name);
}

function outside(finding: Finding): string {
  if (finding.kind !== "missing" || finding.path !== undefined) return finding.detail;
  return finding.address.includes(".limit.") ? "no cgroup holds it any more" : "no longer mounted";
}

/** `value`: what stands in the column of the notes is no remark. */
type Row = { readonly left: string; readonly note: string; readonly value?: true };

function planned(todo: readonly Action[], plan: Plan, look: Look, p: Paint): string[] {
  const legend = OPS.filter((op) => todo.some((a) => a.op === op)).map(
    (op) => `${sign(op, p)} ${LEGEND[op]}`,
  );
  const { to } = symbols(look);
  const rows = todo.flatMap((action): Row[] => {
    const left = `  ${pad(sign(action.op, p), 4)}${p.bold(shortAddress(action.address, plan.name))}`;
    const note = reasonText(action, plan);
    const attributes = attributesOf(action, plan, to);
    const [only] = attributes;
    if (action.op === "create" && note === "" && only !== undefined && only.label === undefined)
      return [{ left, note: only.value, value: true }];
    return [{ left, note }, ...attributes.map((a) => ({ left: attribute(a, p), note: a.note ?? "" }))];
  });
  const wanted = Math.max(...rows.filter((r) => r.note !== "").map((r) => width(r.left) + 2), NOTES);
  const at = Math.min(wanted, Math.max(NOTES, Math.floor(look.columns * 0.6)));
  const body = rows.flatMap((r) =>
    noted(r.left, r.note, at, look.columns, r.value === true ? (text) => text : p.dim),
  );
  return [`  ${pad(p.bold("Planned"), 15)}${legend.join("   ")}`, "", ...body];
}

function sign(op: Action["op"], p: Paint): string {
  if (op === "replace") return `${p.red("-")}/${p.green("+")}`;
  const tone = { create: p.green, update: p.yellow, delete: p.red, keep: p.dim }[op];
  return tone(SYMBOLS[op]);
}

function attribute(a: Attribute, p: Paint): string {
  if (a.label === undefined) return `        ${a.value}`;
  const tone = { "+": p.green, "-": p.red, "~": p.yellow, " ": (s: string) => s };
  const item = a.sign === undefined ? a.value : `${tone[a.sign](a.sign)} ${a.value}`;
  return `        ${pad(a.label, 9)} ${item}`;
}

function lastLine(plans: readonly Plan[], p: Paint): string {
  const sum = total(plans.map((plan) => plan.summary));
  if (changes(sum) > 0) return sumLine(sum, p);
  const names = list(plans.map(shownName));
  const are = plans.length === 1 ? "is" : "are";
  if (plans.length === 0) return "No environments.";
  if (plans.every((plan) => plan.intent === "destroy"))
    return `${p.bold("Nothing to destroy.")} ${names} ${are} not applied.`;
  if (plans.some((plan) => plan.observed.record !== undefined && !isSettled(plan)))
    return `${p.bold("No changes")} but the record: apply finishes what was interrupted.`;
  return noChanges(names, are, p);
}

function sumLine(sum: Summary, p: Paint): string {
  const tones = { create: p.green, update: p.yellow, replace: p.yellow, delete: p.red };
  const parts = OPS.map((op) => (sum[op] > 0 ? tones[op](`${sum[op]} to ${op}`) : `0 to ${op}`));
  return `${p.bold("Plan:")} ${parts.join(", ")}, ${sum.keep} unchanged.`;
}
