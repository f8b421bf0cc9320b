import type { Plan } from "#model/plan";
import { isSettled } from "#model/plan";
import { paint, type Paint } from "./ansi.ts";
import type { Look } from "./look.ts";

/** The last line where no environment changes. */
export function noChanges(names: string, are: "is" | "are", p: Paint): string {
  return `${p.bold("No changes.")} ${names} ${are} as declared.`;
}

/** All there is to say of a plan, where that is one line; undefined where it is more: then views/plan.ts is worth loading. */
export function unchanged([plan, ...more]: readonly Plan[], look: Look): string | undefined {
  if (plan?.kind !== "ready" || plan.intent === "destroy" || more.length > 0) return undefined;
  const told = plan.drift.length + plan.warnings.length;
  return told > 0 || !isSettled(plan) ? undefined : `${noChanges(plan.name, "is", paint(look.color))}\n`;
}
