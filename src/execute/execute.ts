import type { StepEvent, Step } from "#model/step";
import type { Context } from "./context.ts";
import { perform } from "./perform.ts";

export type Ended = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: unknown } | { readonly kind: "interrupted" };

export type Options = {
  readonly onError: "rollback" | "keep";
  /** Asked between steps; true ends the execution as a failure would. */
  readonly interrupted: () => boolean;
};

/**
 * Carries steps out in order and tells each. It decides nothing: at the first refusal it undoes what was done, in reverse (or keeps it, as
 * asked), and tells which steps were never tried. A synchronous generator, so that between two steps the caller may look at signals.
 */
export function* execute(steps: readonly Step[], x: Context, options: Options): Generator<StepEvent, Ended> {
  const undos: { step: Step; undo: () => void }[] = [];
  for (const [index, step] of steps.entries()) {
    const end = options.interrupted() ? ({ kind: "interrupted" } as const) : yield* attempt(step, x, undos);
    if (end === undefined) continue;
    const why = end.kind === "interrupted" ? "interrupted" : `${step.address} failed`;
    for (const skipped of steps.slice(end.kind === "interrupted" ? index : index + 1)) {
      if (skipped.do !== "write_record") yield { event: "step_skipped", step: skipped, why };
    }
    if (options.onError === "rollback") yield* rollBack(undos);
    return end;
  }
  return { kind: "done" };
}

function* attempt(step: Step, x: Context, undos: { step: Step; undo: () => void }[]): Generator<StepEvent, Ended | undefined> {
  yield { event: "step_start", step };
  try {
    const done = perform(step, x);
    if (done.undo !== undefined) undos.push({ step, undo: done.undo });
    yield { event: "step_done", step, ...(done.detail === undefined ? {} : { detail: done.detail }) };
    return undefined;
  } catch (error) {
    yield { event: "step_failed", step, error };
    return { kind: "failed", error };
  }
}

function* rollBack(undos: readonly { step: Step; undo: () => void }[]): Generator<StepEvent, void> {
  for (const { step, undo } of [...undos].reverse()) {
    yield { event: "undo_start", step };
    try {
      undo();
      yield { event: "undo_done", step };
    } catch (error) {
      yield { event: "undo_failed", step, error };
      return;
    }
  }
}
