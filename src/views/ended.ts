import { shownName } from "#model/identity";
import type { Ended } from "#model/outcome";
import type { Plan, Summary } from "#model/plan";
import { formatBytes } from "#model/size";
import { paint } from "./ansi.ts";
import { proseColumns, type Look } from "./look.ts";
import { duration, inert, list, wrap } from "./text.ts";

/** The last words of apply and destroy. `next`: whether the environment can be run without naming a command, for the hint. */
export function endedText(
  ended: Ended,
  names: readonly string[],
  look: Look,
  next?: "entry" | "no_entry",
): string {
  const p = paint(look.color);
  const done = sums(ended);
  if (ended.failed === undefined) {
    const verb = ended.intent === "apply" ? "Applied" : "Destroyed";
    const hint = ended.intent === "apply" && next !== undefined && names.length === 1;
    const run = hint ? `Next: envctl run ${inert(names[0])}${next === "entry" ? "" : " -- COMMAND"}\n` : "";
    return `\n${p.green(`${verb} in ${duration(ended.ms)}:`)} ${done}.\n${run}`;
  }
  const cut = p.red(`${ended.interrupted === true ? "Interrupted" : "Failed"} after ${duration(ended.ms)}`);
  const again = `Repeat: envctl ${ended.intent} ${inert(names).join(" ")}\n`;
  const told = (rest: string): string => `\n${wrap(cut + rest, proseColumns(look)).join("\n")}\n`;
  if (ended.failed === "undone") return told("; what was there before was put back.");
  if (ended.failed === "kept") return told(`; what succeeded stays: ${done}.`) + again;
  return told(", and not everything could be put back.") + again;
}

function sums({ intent, summary }: Ended): string {
  const words: readonly (readonly [keyof Summary, string])[] = [
    ["create", "created"],
    ["update", "updated"],
    ["replace", "replaced"],
    ["delete", "deleted"],
  ];
  const shown = intent === "destroy" ? words.slice(3) : words;
  return shown.map(([op, word]) => `${summary[op]} ${word}`).join(", ");
}

/** The question before anything changes: how much, and what of it cannot be had back. */
export function question(given: readonly Plan[], look: Look): string {
  const p = paint(look.color);
  const plans = inert(given);
  if (plans.every((plan) => plan.intent === "destroy")) {
    return `\n${p.bold(`Destroy ${list(plans.map(shownName))}?`)} ${losing(plans)} [y/N] `;
  }
  const changes = plans.flatMap((plan) => plan.actions.filter((a) => a.op !== "keep")).length;
  if (changes === 0) return `\n${p.bold("Finish the interrupted apply?")} Nothing else changes. [y/N] `;
  const what = changes === 1 ? "this change" : `these ${changes} changes`;
  return `\n${p.bold(`Apply ${what}?`)} Nothing in upper is deleted. [y/N] `;
}

function losing(plans: readonly Plan[]): string {
  const written = plans.filter((plan) => plan.observed.upperUsed || plan.observed.upperUse !== undefined);
  if (written.length === 0) return "Nothing was written inside.";
  const lost = written.filter((plan) => plan.keepUpper !== true).map((plan) => plan.observed.upperUse?.bytes);
  if (lost.length === 0) return "What was written inside is kept.";
  const size = lost.includes(undefined)
    ? "What was"
    : formatBytes(lost.reduce((sum, b) => sum + BigInt(b ?? 0), 0n));
  return `${size} written inside will be deleted.`;
}
