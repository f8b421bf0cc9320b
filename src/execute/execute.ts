import type { StepEvent, Step } from "#model/step";
import { Interrupted, settled, type Context, type How, type Waiting } from "./context.ts";
import { perform } from "./perform.ts";

export type Ended =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly error: unknown }
  | { readonly kind: "interrupted" };

export type Options = { readonly onError: "rollback" | "keep" };

/**
 * Carries steps out in order and tells each. It decides nothing: at the first refusal it undoes what was done, in reverse, or keeps it, as
 * asked (nothing before there is a record: nobody would know whose it is), and tells which steps were never tried. A generator, so that
 * between two steps the caller may look at signals; where it waits the caller goes on with `next`, or with `throw` where the promise was
 * rejected.
 */
export function* execute(
  steps: readonly Step[],
  x: Context,
  options: Options,
): Generator<StepEvent | Waiting, Ended> {
  const undos: Undoable[] = [];
  const record = steps.findIndex((step) => step.do === "write_record");
  for (const [index, step] of steps.entries()) {
    const end = x.interrupted() ? ({ kind: "interrupted" } as const) : yield* attempt(step, x, undos);
    if (end === undefined) continue;
    const why = end.kind === "interrupted" ? "interrupted" : `${step.address} failed`;
    for (const skipped of steps.slice(end.kind === "interrupted" ? index : index + 1)) {
      if (skipped.do !== "write_record") yield { event: "step_skipped", step: skipped, why };
    }
    if (options.onError === "rollback" || index <= record) yield* rollBack(undos);
    return end;
  }
  return { kind: "done" };
}

type Undoable = { readonly step: Step; readonly hows: How[] };

function* attempt(
  step: Step,
  x: Context,
  undos: Undoable[],
): Generator<StepEvent | Waiting, Ended | undefined> {
  const hows: Undoable["hows"] = [];
  yield { event: "step_start", step };
  try {
    const detail = yield* perform(step, x, (how) => hows.push(how));
    if (hows.length > 0) undos.push({ step, hows });
    yield { event: "step_done", step, ...(detail === undefined ? {} : { detail }) };
    return undefined;
  } catch (error) {
    if (error instanceof Interrupted) return { kind: "interrupted" };
    yield { event: "step_failed", step, error };
    // A step succeeds or fails as a whole: what it did by then is undone even where what succeeded is kept.
    if (hows.length > 0) yield* rollBack([{ step, hows }]);
    return { kind: "failed", error };
  }
}

function* rollBack(undos: readonly Undoable[]): Generator<StepEvent | Waiting, void> {
  for (const { step, hows } of [...undos].reverse()) {
    yield { event: "undo_start", step };
    try {
      for (const how of [...hows].reverse()) yield* settled(how());
      yield { event: "undo_done", step };
    } catch (error) {
      yield { event: "undo_failed", step, error };
      return;
    }
  }
}
