import type { Plan, Summary } from "#model/plan";
import { summarise } from "#model/plan";
import type { Step, StepEvent } from "#model/step";

/** What came about of a plan that was not carried out to its end and not undone: actions none of whose steps failed or was skipped. */
export function achieved(plan: Plan, told: readonly StepEvent[]): Summary {
  const of = (...names: readonly StepEvent["event"][]): ReadonlySet<string> =>
    new Set(told.filter(({ event }) => names.includes(event)).flatMap(({ step }) => servedBy(step)));
  const [done, not] = [of("step_done"), of("step_failed", "step_skipped")];
  return summarise(plan.actions.filter(({ address }) => done.has(address) && !not.has(address)));
}

const servedBy = (step: Step): readonly string[] =>
  step.do === "stack" ? [step.address, ...step.inner.map((mount) => mount.address)] : [step.address];
