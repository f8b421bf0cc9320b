import { runName, type DetachedRun, type Readiness } from "#model/detached";
import type { Diagnostic } from "#model/diagnostic";
import { formatDuration } from "#model/duration";
import type { Ready } from "#model/spec";
import { endingText } from "./ps.ts";

/** Why `run -d --wait` did not come to see its run ready. `said`: the last lines it printed. */
export function notReady(
  { record }: DetachedRun,
  found: Exclude<Readiness, { readonly is: "ready" }>,
  { timeoutMs }: Ready,
  said: readonly string[],
): Diagnostic {
  const name = runName(record);
  const printed =
    said.length === 0 ? {} : { detail: ["It printed last:", ...said.map((l) => `| ${l}`)].join("\n") };
  if (found.is === "ended") {
    return {
      severity: "error",
      code: "not_ready",
      summary: `${name} ended before it was ready: ${endingText(found.run)}`,
      ...printed,
      hint: said.length === 0 ? "It printed nothing." : `All it printed: envctl logs ${name}`,
    };
  }
  const goesOn = `It goes on. What it prints: envctl logs -f ${name}; to end it: envctl stop ${name}`;
  const interrupted = found.is === "interrupted";
  return {
    severity: "error",
    code: interrupted ? "interrupted" : "not_ready",
    summary: interrupted
      ? `interrupted before ${name} was ready: ${found.why}`
      : `${name} was not ready within ${formatDuration(timeoutMs)}: ${found.why}`,
    ...printed,
    hint: goesOn,
  };
}
