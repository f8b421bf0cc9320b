import type { AbsPath, EnvId } from "#model/brand";
import type { Diagnostic } from "#model/diagnostic";
import type { Action, Because, Change, Placement, ReadyPlan } from "#model/plan";
import { summarise } from "#model/plan";
import type { Observed } from "#model/observed";
import type { InnerMount, Limit, Overlay, Resource } from "#model/resource";
import { byTarget } from "#model/resource";
import { innerChanges, overlayChanges } from "./compare.ts";
import { decideLayer, isLayer, rebased } from "./layers.ts";
import { findings } from "./drift.ts";
import type { Standings } from "./standing.ts";
import { recordedResources, standings } from "./standing.ts";

export type PlanInput = {
  readonly intent: "apply" | "destroy";
  readonly placement: Placement;
  readonly id: EnvId;
  readonly name: string;
  readonly file: AbsPath;
  /** Nothing for `destroy`. */
  readonly desired: readonly Resource[];
  readonly observed: Observed;
};

/** Compares what is declared with what is recorded and what the kernel shows. Pure: the same input gives the same plan. */
export function plan(input: PlanInput): ReadyPlan {
  const { observed, desired, intent } = input;
  const recorded = recordedResources(observed);
  const actions =
    intent === "destroy"
      ? destroyActions(gone(recorded, observed))
      : applyActions(desired, recorded, observed);
  return {
    kind: "ready",
    intent,
    placement: input.placement,
    id: input.id,
    name: input.name,
    file: input.file,
    actions,
    summary: summarise(actions),
    drift: findings(observed),
    warnings: warnings(actions, observed),
    observed,
  };
}

/** Of a kept environment only the writable layer is left. */
function gone(recorded: readonly Resource[], { record }: Observed): readonly Resource[] {
  return record?.phase === "kept" ? record.resources.filter((r) => r.kind === "overlay") : recorded;
}

/** A writable layer belongs to the layers it was written over (Documentation/filesystems/overlayfs.rst, "Changes to underlying filesystems"). */
function warnings(actions: readonly Action[], observed: Observed): readonly Diagnostic[] {
  const overlay = actions.find((a) => a.kind === "overlay" && a.op === "replace");
  const changed =
    overlay?.op === "replace"
      ? overlay.changes.find((c) => c.path === "lowers" || c.path === "rootfs")
      : undefined;
  if (changed === undefined || !observed.upperUsed) return [];
  const [before, after] = [changed.before, changed.after].map((v) =>
    Array.isArray(v) ? (v as string[]) : [String(v)],
  );
  const added = after!.filter((layer) => !before!.includes(layer));
  const where = added.length > 0 ? `the one in ${added.join(", ")}` : "what is below it now";
  const summary = `upper was written over other layers; a file it changed hides ${where}`;
  return [
    {
      severity: "warning",
      code: "overlay_rule",
      summary,
      hint: "To begin with a fresh upper: envctl destroy, then apply.",
    },
  ];
}

/** Directories used in place are left alone; everything else that is recorded goes. */
function destroyActions(recorded: readonly Resource[]): readonly Action[] {
  const gone = recorded.filter((r) => r.kind !== "rootfs" && r.kind !== "layer");
  return [...gone].reverse().map((before) => ({
    op: "delete",
    because: "requested",
    address: before.address,
    kind: before.kind,
    before,
  }));
}

function applyActions(
  desired: readonly Resource[],
  recorded: readonly Resource[],
  observed: Observed,
): readonly Action[] {
  const stand = standings(recorded, observed);
  const before = new Map(recorded.map((r) => [r.address, r]));
  const overlay = desired.find((r): r is Overlay => r.kind === "overlay")!;
  const layers = new Map(
    desired.filter(isLayer).map((after) => [after.address, decideLayer(after, recorded, observed)]),
  );
  const overlayAction = rebased(
    decideOverlay(overlay, before.get(overlay.address) as Overlay | undefined, stand, observed),
    recorded,
    [...layers.values()],
  );
  const inner = decideInner(
    desired.filter(isInner),
    recorded.filter(isInner),
    overlayAction,
    stand,
    observed,
  );
  const byAddress = new Map(inner.map((a) => [a.address, a]));
  const actions = desired.map((after): Action => {
    if (isLayer(after)) return layers.get(after.address)!;
    if (after.kind === "overlay") return overlayAction;
    if (after.kind === "limit")
      return decideLimit(after, before.get(after.address) as Limit | undefined, stand, observed);
    return byAddress.get(after.address)!;
  });
  const declared = new Set(desired.map((r) => r.address));
  const dropped = recorded.filter(
    (r) => !declared.has(r.address) && r.kind !== "layer" && r.kind !== "rootfs" && r.kind !== "overlay",
  );
  const deletions = dropped.map((r): Action => ({
    op: "delete",
    because: "not_declared",
    address: r.address,
    kind: r.kind,
    before: r,
  }));
  return [...actions, ...deletions];
}

const isInner = (r: Resource): r is InnerMount => r.kind === "volume" || r.kind === "tmpfs";

function decideOverlay(
  after: Overlay,
  before: Overlay | undefined,
  stand: Standings,
  observed: Observed,
): Action {
  const subject = { address: after.address, kind: after.kind };
  if (before === undefined) return { ...subject, op: "create", because: "not_applied", after };
  const standing = stand.get(after.address)!;
  if (standing.is === "missing")
    return { ...subject, op: "create", because: observed.rebooted ? "rebooted" : "missing", after };
  const changes = overlayChanges(before, after);
  if (standing.is === "stacked")
    return { ...subject, op: "replace", because: "stacked", before, after, changes };
  if (changes.length > 0)
    return { ...subject, op: "replace", because: overlayReason(changes), before, after, changes };
  if (standing.is === "changed") {
    const seen: Change = {
      path: "mounted",
      before: standing.what,
      after: "as declared",
      forces_replace: true,
    };
    return { ...subject, op: "replace", because: "options_changed", before, after, changes: [seen] };
  }
  return { ...subject, op: "keep", after };
}

function overlayReason(changes: readonly Change[]): Because {
  if (changes.some((c) => c.path === "rootfs")) return "rootfs_changed";
  return changes.some((c) => c.path === "lowers") ? "lowers_changed" : "options_changed";
}

/** Parents first, since what hangs in a replaced mount is replaced with it. */
function decideInner(
  desired: readonly InnerMount[],
  recorded: readonly InnerMount[],
  overlay: Action,
  stand: Standings,
  observed: Observed,
): readonly Action[] {
  const before = new Map(recorded.map((r) => [r.address, r]));
  const disturbed = recorded
    .filter((r) => !desired.some((d) => d.address === r.address))
    .map((r) => r.target);
  return [...desired].sort(byTarget).map((after): Action => {
    const below = disturbed.some((target) => after.target.startsWith(`${target}/`));
    const action = decideOne(after, before.get(after.address), overlay, below, stand, observed);
    if (action.op !== "keep") disturbed.push(after.target);
    return action;
  });
}

function decideOne(
  after: InnerMount,
  before: InnerMount | undefined,
  overlay: Action,
  disturbed: boolean,
  stand: Standings,
  observed: Observed,
): Action {
  const subject = { address: after.address, kind: after.kind };
  if (before === undefined) return { ...subject, op: "create", because: "not_applied", after };
  const standing = stand.get(after.address)!;
  const changes = innerChanges(before, after);
  if (standing.is === "missing")
    return { ...subject, op: "create", because: observed.rebooted ? "rebooted" : "missing", after };
  const replace = (because: Because): Action => ({
    ...subject,
    op: "replace",
    because,
    before,
    after,
    changes,
  });
  if (overlay.op !== "keep" || disturbed) return replace("dependency_replaced");
  if (standing.is === "stacked") return replace("stacked");
  if (observed.staleSources[after.address] !== undefined) return replace("source_replaced");
  if (changes.some((c) => c.path === "source")) return replace("source_replaced");
  if (changes.some((c) => c.forces_replace === true)) return replace("options_changed");
  if (changes.length > 0)
    return { ...subject, op: "update", because: "options_changed", before, after, changes };
  if (standing.is === "changed") {
    const seen: Change = { path: "mounted", before: standing.what, after: "as declared" };
    return { ...subject, op: "update", because: "options_changed", before, after, changes: [seen] };
  }
  return { ...subject, op: "keep", after };
}

function decideLimit(after: Limit, before: Limit | undefined, stand: Standings, observed: Observed): Action {
  const subject = { address: after.address, kind: after.kind };
  if (before === undefined) return { ...subject, op: "create", because: "not_applied", after };
  const standing = stand.get(after.address)!;
  if (standing.is === "missing")
    return { ...subject, op: "create", because: observed.rebooted ? "rebooted" : "missing", after };
  if (before.value !== after.value) {
    return {
      ...subject,
      op: "update",
      because: "options_changed",
      before,
      after,
      changes: [{ path: "value", before: before.value, after: after.value }],
    };
  }
  if (standing.is === "present") return { ...subject, op: "keep", after };
  const shown = standing.is === "changed" ? standing.what : "";
  return {
    ...subject,
    op: "update",
    because: "options_changed",
    before,
    after,
    changes: [{ path: "value", before: shown, after: after.value }],
  };
}

/** Whether a plan mounts an overlay or a volume: then the kernel's rules for them are worth a look. */
export function mountsAnew(actions: readonly Action[]): boolean {
  return actions.some(
    (a) => (a.kind === "overlay" || a.kind === "volume") && (a.op === "create" || a.op === "replace"),
  );
}

/** An overlay that was unmounted behind our back: a process may still sit in it, and its upper must not be mounted a second time. */
export function lostOverlay(actions: readonly Action[]): boolean {
  return actions.some((a) => a.kind === "overlay" && a.op === "create" && a.because === "missing");
}

/** Whether a look at who stands in a plan's way can find anybody: it is worth nothing where a plan only adds, or changes nothing. */
export function canBeBlocked({ observed, actions }: ReadyPlan): boolean {
  const unrecorded = observed.record === undefined && observed.mounts.length > 0;
  return unrecorded || takesDown(actions) || lostOverlay(actions);
}

/** Whether carrying a plan out takes a mount away: only then can holders and foreign mounts be in its way. */
export function takesDown(actions: readonly Action[]): boolean {
  return actions.some(
    (a) =>
      a.kind !== "limit" &&
      (a.op === "replace" || a.op === "delete" || (a.op === "update" && isInner(a.after))),
  );
}
