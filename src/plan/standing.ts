import { isWithin, join } from "#model/brand";
import { mountTag } from "#model/identity";
import { overlayPaths } from "#model/mountinfo";
import type { MountEntry, Observed } from "#model/observed";
import type { InnerMount, Limit, Overlay, Resource } from "#model/resource";
import { mountFlags } from "#model/resource";
import { initPlace } from "#model/stack";
import { limitStands } from "./limits.ts";
import { overlayChanges } from "./compare.ts";
import { isOfSize } from "./upper.ts";

/** How a recorded resource stands in the kernel. */
export type Standing =
  | { readonly is: "present"; readonly mount?: MountEntry }
  | { readonly is: "missing" }
  /** `value`: of a limit, what the kernel holds to instead. */
  | { readonly is: "changed"; readonly mount?: MountEntry; readonly what: string; readonly value?: string }
  | { readonly is: "stacked"; readonly mounts: readonly MountEntry[] };

export type Standings = ReadonlyMap<string, Standing>;

/** The overlay mounts of an environment at its place: tag and place together prove them ours. */
export function ourOverlays(observed: Observed): readonly MountEntry[] {
  const tag = mountTag(observed.lineage, observed.id);
  return observed.mounts.filter(
    (m) => m.type === "overlay" && m.source === tag && m.point === observed.place.merged,
  );
}

/** Holds what the record says against what the kernel shows. */
export function standings(resources: readonly Resource[], observed: Observed): Standings {
  return new Map(resources.map((r) => [r.address, standing(r, observed)]));
}

function standing(resource: Resource, observed: Observed): Standing {
  switch (resource.kind) {
    case "rootfs":
    case "layer":
      return { is: "present" };
    case "overlay":
      return overlayStanding(resource, observed);
    case "volume":
    case "tmpfs":
      return innerStanding(resource, observed);
    case "limit":
      return limitStanding(resource, observed);
  }
}

function overlayStanding(overlay: Overlay, observed: Observed): Standing {
  const [mount, ...more] = ourOverlays(observed);
  if (mount === undefined) return { is: "missing" };
  if (more.length > 0) return { is: "stacked", mounts: [mount, ...more] };
  if (maybeOld(overlay, observed)) return { is: "changed", mount, what: "left by an interrupted apply" };
  const shown = overlayPaths(mount.superOptions).lowers;
  const init = initPlace(observed.place, overlay.lowers, observed.covering).layer;
  const wanted = [init, ...overlay.lowers.map((l) => l.path)];
  if (
    shown !== undefined &&
    (shown.length !== wanted.length || !shown.every((path, i) => path === wanted[i]))
  ) {
    return { is: "changed", mount, what: "mounted over other layers than recorded" };
  }
  if (overlay.upper.kind !== "none" && isReadOnly(mount))
    return { is: "changed", mount, what: "mounted read-only" };
  return { is: "present", mount };
}

/** A kill in the middle of a replacement: the mounted one may be the old one, and older kernels do not show their layers. */
function maybeOld(overlay: Overlay, observed: Observed): boolean {
  if (observed.record?.phase !== "applying") return false;
  const old = observed.record.previous?.find((r): r is Overlay => r.kind === "overlay");
  return old !== undefined && overlayChanges(old, overlay).length > 0;
}

/** What the record knows of; an interrupted change may have left what stood before it. */
export function recordedResources(observed: Observed): readonly Resource[] {
  const { record } = observed;
  if (record === undefined || record.phase === "kept") return [];
  const old = record.phase === "applying" ? (record.previous ?? []) : [];
  return [
    ...record.resources,
    ...old.filter((r) => !record.resources.some((now) => now.address === r.address)),
  ];
}

/** Mounts at an inner mount's point that hang below our overlay: by the recorded point, else by the target as written. */
export function mountsAt(inner: InnerMount, observed: Observed): readonly MountEntry[] {
  const point = observed.record?.mounts[inner.address]?.point ?? join(observed.place.merged, inner.target);
  return observed.mounts.filter((m) => m.point === point && m.point !== observed.place.merged);
}

function innerStanding(inner: InnerMount, observed: Observed): Standing {
  const found = mountsAt(inner, observed);
  const [mount] = found;
  if (mount === undefined) return { is: "missing" };
  const ours = found.filter((m) => isOurInner(inner, m, observed));
  if (ours.length === 0) return { is: "changed", mount, what: "another mount is in its place" };
  if (ours.length > 1) return { is: "stacked", mounts: ours };
  const recorded = observed.record?.mounts[inner.address];
  // What somebody unmounted and mounted again is theirs now: the guard would refuse to take it down.
  if (observed.record?.phase === "applied" && recorded !== undefined && recorded.id !== ours[0]!.id)
    return { is: "changed", mount: ours[0]!, what: "unmounted and mounted again, not by envctl" };
  if (inner.kind === "volume") {
    const flags = [...mountFlags(inner), ...(inner.owner === undefined ? [] : ["idmapped"])];
    const wrong = flags.filter((flag) => !ours[0]!.options.includes(flag));
    if (wrong.length > 0)
      return { is: "changed", mount: ours[0]!, what: `mounted without ${wrong.join(", ")}` };
  } else if (isReadOnly(ours[0]!)) {
    return { is: "changed", mount: ours[0]!, what: "mounted read-only" };
  } else if (inner.bytes !== undefined && !isOfSize(ours[0]!, inner.bytes)) {
    return { is: "changed", mount: ours[0]!, what: "mounted with another size" };
  }
  return { is: "present", mount: ours[0]! };
}

const isReadOnly = ({ options, superOptions }: MountEntry): boolean =>
  options.includes("ro") || superOptions.includes("ro");

/** A bind shows the device and path of its source, so the record is what makes it ours. */
function isOurInner(inner: InnerMount, mount: MountEntry, observed: Observed): boolean {
  const recorded = observed.record?.mounts[inner.address];
  // The very mount that was made, whatever became of its source: renamed, its path is another now.
  if (recorded?.id === mount.id && recorded.dev === mount.dev) return true;
  if (inner.kind === "tmpfs")
    return mount.type === "tmpfs" && (recorded === undefined || recorded.dev === mount.dev);
  const dev = recorded?.dev ?? inner.inode?.dev;
  if (dev !== undefined && mount.dev !== dev) return false;
  const root = mount.root.replace(/\/\/deleted$/, "");
  return inner.path === root || inner.path.endsWith(root) || root === "/";
}

function limitStanding(limit: Limit, observed: Observed): Standing {
  const holders = observed.cgroups.filter((g) => g.exists && g.values[limit.name] !== undefined);
  const value = holders[0]?.values[limit.name];
  if (value === undefined) return { is: "missing" };
  return limitStands(limit, value)
    ? { is: "present" }
    : { is: "changed", what: `reads ${value}, recorded ${limit.value}`, value };
}

/** The self-bind of the environment's directory: it shows that very directory, of the file system the directory lies on. */
export function isAnchor(mount: MountEntry, observed: Observed): boolean {
  const { place, covering } = observed;
  return (
    mount.point === place.dir &&
    mount.dev === covering?.dev &&
    mount.root !== "/" &&
    place.dir.endsWith(mount.root)
  );
}

/** Mounts at or below the environment's directory that are not ours, in the order in which they can be unmounted. */
export function foreignMounts(resources: readonly Resource[], observed: Observed): readonly MountEntry[] {
  const overlays = ourOverlays(observed);
  const inner = resources.filter((r): r is InnerMount => r.kind === "volume" || r.kind === "tmpfs");
  const foreign = observed.mounts.filter((m) => {
    if (overlays.includes(m) || !isWithin(observed.place.dir, m.point)) return false;
    if (isAnchor(m, observed)) return false;
    if (
      m.point === observed.place.rw &&
      m.type === "tmpfs" &&
      m.source === mountTag(observed.lineage, observed.id)
    )
      return false;
    return !inner.some((i) => isCoveredBy(i, m, observed));
  });
  return foreign.reverse();
}

/** The mount of a volume itself, or of a recursive one's source tree. */
function isCoveredBy(inner: InnerMount, mount: MountEntry, observed: Observed): boolean {
  const at = mountsAt(inner, observed).filter((m) => isOurInner(inner, m, observed));
  if (at.includes(mount)) return true;
  return inner.kind === "volume" && inner.recursive && at.some((m) => mount.point.startsWith(`${m.point}/`));
}
