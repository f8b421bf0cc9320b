import type { AbsPath, EnvId } from "#model/brand";
import type { Action, Placement, ReadyPlan } from "#model/plan";
import { summarise } from "#model/plan";
import type { Observed } from "#model/observed";
import type { Limit, Overlay, Resource } from "#model/resource";
import { isInner } from "#model/resource";
import type { Entry } from "#model/spec";
import { decideInner, decideLimit, decideOverlay } from "./decide.ts";
import { findings } from "./drift.ts";
import { decideEntry } from "./entry.ts";
import { decideGroup, lostGroup } from "./groups.ts";
import { decideLayer, isLayer, rebased } from "./layers.ts";
import { recordedResources, standings } from "./standing.ts";
import { warnings } from "./warnings.ts";

export type PlanInput = {
  readonly intent: "apply" | "destroy";
  readonly placement: Placement;
  readonly id: EnvId;
  readonly name: string;
  readonly file: AbsPath;
  /** Nothing for `destroy`. */
  readonly desired: readonly Resource[];
  /** Absent where nothing is to be compared: for `destroy`, and for an instance of its own. */
  readonly entry?: Entry;
  readonly observed: Observed;
};

/** Compares what is declared with what is recorded and what the kernel shows. Pure: the same input gives the same plan. */
export function plan(input: PlanInput): ReadyPlan {
  const { observed, desired, intent } = input;
  const recorded = recordedResources(observed);
  const actions =
    intent === "destroy"
      ? destroyActions(gone(recorded, observed))
      : [
          ...applyActions(desired, recorded, observed),
          ...decideGroup(input.name, lostGroup(observed, [...desired, ...recorded])),
          ...decideEntry(input.name, input.entry, observed.record),
        ];
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
