// How far carrying a plan out reaches: what has to be looked at before.
import type { Action, ReadyPlan } from "#model/plan";
import { isInner } from "#model/resource";

/** Whether a plan mounts an overlay or a volume: then the kernel's rules for them are worth a look. */
export function mountsAnew(actions: readonly Action[]): boolean {
  return actions.some(
    (a) => (a.kind === "overlay" || a.kind === "volume") && (a.op === "create" || a.op === "replace"),
  );
}

/**
 * An overlay that was unmounted behind our back, or detached with its upper kept: a process may still sit in it, and its upper must not be
 * mounted a second time.
 */
export function lostOverlay({ actions, observed }: Pick<ReadyPlan, "actions" | "observed">): boolean {
  const { record } = observed;
  const detached = record?.phase === "kept" && Object.keys(record.mounts).length > 0;
  return actions.some(
    (a) => a.kind === "overlay" && a.op === "create" && (a.because === "missing" || detached),
  );
}

/** Whether a look at who stands in a plan's way can find anybody: it is worth nothing where a plan only adds, or changes nothing. */
export function canBeBlocked(plan: ReadyPlan): boolean {
  const { observed, actions } = plan;
  const unrecorded = observed.record === undefined && observed.mounts.length > 0;
  return unrecorded || takesDown(actions) || lostOverlay(plan);
}

/** Whether carrying a plan out takes a mount away: only then can holders and foreign mounts be in its way. */
export function takesDown(actions: readonly Action[]): boolean {
  return actions.some(
    (a) =>
      a.kind !== "limit" &&
      (a.op === "replace" || a.op === "delete" || (a.op === "update" && isInner(a.after))),
  );
}
