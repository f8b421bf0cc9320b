import type { Carried, Told } from "#engine/carry-out";
import type { Diagnostic } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import type { StepEvent } from "#model/step";
import { progress } from "#views/apply";
import { diagnostics, diagnosticsOf } from "#views/diagnostics";
import { streamJson } from "#views/json-plan";
import { attemptText } from "#views/steps";
import { watch } from "#views/watch";
import type { WriteContext } from "./context.ts";

/**
 * Carries one plan out and tells each step: in words by `say`, whose turn it may not be yet, or as lines of JSON. `wrong`: why it failed,
 * told here in words only.
 */
export async function carryOne(
  context: WriteContext,
  plan: Plan,
  carryOut: (tell: Told) => Promise<Carried>,
  say: (text: string) => void,
): Promise<{
  readonly ended: Carried;
  readonly told: readonly StepEvent[];
  readonly wrong: readonly Diagnostic[];
}> {
  const { host, words, look, json, quiet } = context;
  const stream = streamJson(plan.intent);
  const view = progress(plan, look.err, context.verbose);
  if (!json && !quiet) say(`\n${view.head}`);
  let attempt: string | undefined;
  const told: StepEvent[] = [];
  const moving = isWatched(context)
    ? watch(view, look.err, host.clock, (text) => void words.err(text))
    : undefined;
  const ended = await carryOut(async (_, event) => {
    await moving?.(event);
    if (event.event === "step_progress") return;
    told.push(event);
    if (event.event === "step_failed") attempt = attemptText(event.step, plan);
    if (json) words.out(stream.step(plan, event));
    else if (!quiet) say(view.line(event));
  });
  const wrong = ended.kind === "failed" ? diagnosticsOf(ended.error, attempt) : [];
  if (wrong.length > 0 && !json) say(`\n${diagnostics(wrong, look.err)}`);
  return { ended, told, wrong };
}

/** On a terminal with somebody at it that can take a line back, and not in CI. */
function isWatched({ host, json, quiet, interactive }: WriteContext): boolean {
  const dumb = host.variable("TERM") === "dumb" || (host.variable("CI") ?? "") !== "";
  return interactive && !json && !quiet && !dumb;
}
