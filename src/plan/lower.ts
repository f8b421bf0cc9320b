import type { AbsPath } from "#model/brand";
import { isWithin, join } from "#model/brand";
import type { MountEntry, Observed, Place } from "#model/observed";
import type { Action, ReadyPlan } from "#model/plan";
import { isSettled } from "#model/plan";
import type { OwnedCgroup } from "#model/record";
import type { InnerMount, Limit, Overlay, Resource, VolumeResource } from "#model/resource";
import { byTarget, isInner, isStored } from "#model/resource";
import type { Step } from "#model/step";
import { isLayer } from "./layers.ts";
import { groupAddress } from "./groups.ts";
import { groupsFor, limitWrites, memoryNow, memoryOf } from "./limits.ts";
import { isAnchor, mountsAt, ourOverlays } from "./standing.ts";
import { tmpfsOfUpper, upperMoves } from "./upper.ts";

const OURS = { mode: 0o700, uid: 0, gid: 0 };

/** What the kernel is asked for, in order. Empty where nothing changes. */
export function lower(plan: ReadyPlan, options: { readonly keepUpper?: boolean } = {}): readonly Step[] {
  if (plan.intent === "destroy") return destroySteps(plan, options.keepUpper ?? false);
  if (plan.placement === "private") return privateSteps(plan);
  return isSettled(plan) ? [] : applySteps(plan);
}

/** The resources an apply leads to. */
export function resultOf(plan: ReadyPlan): readonly Resource[] {
  return plan.actions.flatMap((a) =>
    a.op === "delete" || a.after.kind === "cgroup" || a.after.kind === "entry" ? [] : [a.after],
  );
}

/** The groups an apply leads to: what its limits need, and groups that still hold processes. */
export function groupsAfter(plan: ReadyPlan): readonly OwnedCgroup[] {
  const { observed } = plan;
  const wanted = groupsFor(limitsIn(resultOf(plan)), observed.hierarchies, observed.lineage, observed.id);
  const busy = surplus(plan, wanted).filter((g) =>
    observed.cgroups.some((o) => o.dir === g.dir && o.populated),
  );
  return [...wanted, ...busy];
}

function surplus(plan: ReadyPlan, wanted: readonly OwnedCgroup[]): readonly OwnedCgroup[] {
  return (plan.observed.record?.cgroups ?? []).filter((g) => !wanted.some((w) => w.dir === g.dir));
}

const limitsIn = (resources: readonly Resource[]): readonly Limit[] =>
  resources.filter((r): r is Limit => r.kind === "limit");

function applySteps(plan: ReadyPlan): readonly Step[] {
  const { observed, actions } = plan;
  const { place } = observed;
  const overlay = actions.find((a) => a.kind === "overlay");
  const stacks = overlay !== undefined && (overlay.op === "create" || overlay.op === "replace");
  const inner = actions.filter((a) => a.kind === "volume" || a.kind === "tmpfs");
  const binds = inner
    .flatMap((a) => (a.op === "keep" || a.op === "delete" ? [] : [a.after as InnerMount]))
    .sort(byTarget);
  return [
    { do: "create_dir", address: plan.name, path: place.dir, owner: OURS },
    { do: "write_record", address: plan.name, phase: "applying" },
    ...layers(plan),
    ...sources(actions),
    ...unmounts(plan, stacks),
    ...(stacks
      ? stackSteps(plan, overlay.after as Overlay)
      : binds.map((mount): Step => ({ do: "bind", address: mount.address, mount }))),
    ...limitSteps(plan),
    { do: "write_record", address: plan.name, phase: "applied" },
  ];
}

/** A throwaway instance: everything but the mounts, which its launch makes in a namespace of its own. */
function privateSteps(plan: ReadyPlan): readonly Step[] {
  const overlay = resultOf(plan).find((r): r is Overlay => r.kind === "overlay")!;
  return [
    { do: "create_dir", address: plan.name, path: plan.observed.place.dir, owner: OURS },
    { do: "write_record", address: plan.name, phase: "running" },
    ...layers(plan),
    ...sources(plan.actions),
    ...directories(plan.observed.place, overlay, overlay.address),
    ...limitSteps(plan),
  ];
}

/** Before anything is taken down: a layer that cannot be made must not cost the environment that stands. */
function layers({ actions, observed }: ReadyPlan): readonly Step[] {
  const absent = new Set(observed.absentLayers);
  return actions.flatMap((a): Step[] => {
    if (a.op === "delete" || !isLayer(a.after)) return [];
    const { layer } = a.after;
    return isStored(layer) && absent.delete(layer.path)
      ? [{ do: "store_layer", address: a.address, layer }]
      : [];
  });
}

function sources(actions: readonly Action[]): readonly Step[] {
  return actions.flatMap((a): Step[] => {
    if (a.kind !== "volume" || a.op === "delete") return [];
    const { create } = a.after as VolumeResource;
    return create === undefined
      ? []
      : [{ do: "create_source", address: a.address, dirs: create.dirs, owner: create.owner }];
  });
}

/** Everything of ours that has to leave, topmost first. */
function unmounts(plan: ReadyPlan, stacks: boolean): readonly Step[] {
  const { observed } = plan;
  const leaving = plan.actions.flatMap((a): { address: string; mounts: readonly MountEntry[] }[] => {
    if (a.op === "keep" || a.op === "create") return [];
    if (isInner(a.before)) return [{ address: a.address, mounts: mountsAt(a.before, observed) }];
    if (a.kind === "overlay") return [{ address: a.address, mounts: ourOverlays(observed) }];
    return [];
  });
  const order = new Map(observed.mounts.map((m, i) => [m.id, i]));
  const steps = leaving
    .flatMap(({ address, mounts }) => mounts.map((mount) => ({ address, mount })))
    .sort((a, b) => order.get(b.mount.id)! - order.get(a.mount.id)!)
    .map(({ address, mount }): Step => ({
      do: "unmount",
      address,
      point: mount.point as AbsPath,
      mount: mount.id,
    }));
  const [gone] = ourOverlays(observed);
  const destroyed = plan.intent === "destroy";
  if (gone === undefined || !(stacks || destroyed)) return steps;
  const overlay = plan.actions.find((a) => a.kind === "overlay");
  return [
    ...steps,
    { do: "release", address: overlay?.address ?? plan.name, path: observed.place.merged, dev: gone.dev },
  ];
}

function stackSteps(plan: ReadyPlan, overlay: Overlay): readonly Step[] {
  const { place, covering } = plan.observed;
  const shared = covering?.propagation.some((p) => p.startsWith("shared:")) ?? false;
  const anchored = plan.observed.mounts.some((m) => isAnchor(m, plan.observed));
  const tmpfs = tmpfsOfUpper(plan.observed);
  // One that holds something is never given up: such a plan is refused before (engine/rules.ts).
  const unwanted = overlay.upper.kind === "none" || upperMoves(plan.observed, overlay.upper);
  const leaves = tmpfs !== undefined && !plan.observed.upperUsed && unwanted;
  const stays = tmpfs !== undefined && !leaves;
  // An anchor would hide what stays mounted there: a tmpfs of ours, or something that is not ours (row A9).
  const hides = plan.observed.mounts.some(
    (m) =>
      m.point !== place.dir &&
      isWithin(place.dir, m.point) &&
      !isWithin(place.merged, m.point) &&
      (m !== tmpfs || stays),
  );
  const inner = resultOf(plan).filter(isInner).sort(byTarget);
  const [rw, rest] = split(
    directories(place, overlay, overlay.address),
    (s) => s.do === "create_dir" && s.path === place.rw,
  );
  return [
    ...(leaves ? [{ do: "unmount" as const, address: plan.name, point: place.rw, mount: tmpfs.id }] : []),
    ...(shared && !anchored && !hides
      ? [{ do: "anchor" as const, address: overlay.address, path: place.dir }]
      : []),
    ...rw,
    ...(overlay.upper.kind === "tmpfs" && !stays
      ? [{ do: "mount_rw" as const, address: overlay.address, path: place.rw, bytes: overlay.upper.bytes }]
      : []),
    ...rest,
    { do: "stack", address: overlay.address, overlay, inner },
  ];
}

/** The directories an overlay needs. Upper's root becomes merged's, so it takes mode and owner of the rootfs's root; so does init's. */
function directories(place: Place, overlay: Overlay, address: string): readonly Step[] {
  const dir = (path: AbsPath, owner = OURS): Step => ({ do: "create_dir", address, path, owner });
  const rw =
    overlay.upper.kind === "none" ? [] : [dir(place.rw), dir(place.upper, overlay.root), dir(place.work)];
  return [...rw, dir(place.merged), dir(place.init, overlay.root), dir(place.initWork)];
}

function split<T>(all: readonly T[], first: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(first), all.filter((item) => !first(item))];
}

function limitSteps(plan: ReadyPlan): readonly Step[] {
  const { observed } = plan;
  const groups = groupsFor(limitsIn(resultOf(plan)), observed.hierarchies, observed.lineage, observed.id);
  const known = [...groups, ...(observed.record?.cgroups ?? [])];
  let was = memoryNow(observed);
  const now = memoryOf(limitsIn(resultOf(plan)));
  const missing = groups.filter((g) => !observed.cgroups.some((o) => o.dir === g.dir && o.exists));
  const idle = surplus(plan, groups).filter((g) => !groupsAfter(plan).some((kept) => kept.dir === g.dir));
  const limits = plan.actions.flatMap((a): Step[] => {
    if (a.kind !== "limit" || a.op === "keep") return [];
    const limit = (a.op === "delete" ? a.before : a.after) as Limit;
    const value = a.op === "delete" ? undefined : limit.value;
    const within = a.op === "delete" ? known.filter((g) => !idle.some((i) => i.dir === g.dir)) : groups;
    const writes = limitWrites(limit.name, value, within, was, now);
    if (limit.name === "memory" || limit.name === "swap") was = now;
    return writes.length === 0
      ? []
      : [{ do: "limit", address: limit.address, name: limit.name, value: value ?? "none", writes }];
  });
  return [
    ...missing.map((cgroup): Step => ({ do: "create_cgroup", address: groupAddress(plan.name), cgroup })),
    ...limits,
    ...idle.map((cgroup): Step => ({ do: "remove_cgroup", address: plan.name, cgroup })),
  ];
}

function destroySteps(plan: ReadyPlan, keepUpper: boolean): readonly Step[] {
  const { observed, name, placement } = plan;
  const { place } = observed;
  const at = (path: AbsPath): Step => ({ do: "delete_tree", address: name, path });
  const other = (point: AbsPath, wanted: (m: MountEntry) => boolean): readonly Step[] =>
    [...observed.mounts]
      .reverse()
      .flatMap((m): Step[] =>
        m.point === point && wanted(m) ? [{ do: "unmount", address: name, point, mount: m.id }] : [],
      );
  const destroying: Step = { do: "write_record", address: name, phase: "destroying" };
  return [
    ...(placement === "host" ? [destroying] : []),
    { do: "stop_processes", address: name },
    ...unmounts(plan, false),
    ...(keepUpper ? [] : other(place.rw, (m) => m.type === "tmpfs")),
    ...other(place.dir, (m) => isAnchor(m, observed)),
    ...groupsNow(observed).map((cgroup): Step => ({ do: "remove_cgroup", address: name, cgroup })),
    ...(placement === "private"
      ? [at(place.dir)] // all at once, its record too: nobody needs that any more
      : [
          at(place.merged),
          // A kept upper may know init by its inode (index=on).
          ...(keepUpper ? [] : [at(place.init)]),
          at(place.initWork),
          at(join(place.dir, "runs")),
          // Where the disk was too full for it before, there is room now; nothing written inside goes without it.
          ...(keepUpper ? [] : [destroying, at(place.rw)]),
          keepUpper
            ? { do: "write_record" as const, address: name, phase: "kept" as const }
            : { do: "forget" as const, address: name },
        ]),
  ];
}

/** Recorded groups and any other at the environment's place: a kill may have come before the record. */
function groupsNow(observed: Observed): readonly OwnedCgroup[] {
  const recorded = observed.record?.cgroups ?? [];
  const others = observed.cgroups.filter((g) => g.exists && !recorded.some((r) => r.dir === g.dir));
  return [...recorded, ...others.map(({ dir, version }) => ({ dir, version, controllers: [] }))];
}
