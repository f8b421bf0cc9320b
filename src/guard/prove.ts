import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { isWithin, join } from "#model/brand";
import { mountTag, placeOf } from "#model/identity";
import { parseMountinfo } from "#model/mountinfo";
import type { MountEntry, Place } from "#model/observed";
import type { EnvRecord, RecordedMount } from "#model/record";
import type { InnerMount, Resource, VolumeResource } from "#model/resource";
import type { Reader } from "#ports/reader";
import type { Table } from "./table.ts";
import { isVisible, parentMount } from "./table.ts";

/** What an environment says is its own. */
export type Claim = {
  readonly place: Place;
  /** `envctl:LINEAGE:ID`. */
  readonly tag: string;
  readonly mounts: Readonly<Record<string, RecordedMount>>;
  readonly resources: readonly Resource[];
  /** The last change did not finish: mounts may stand that no identity was written for yet, then what was declared counts. */
  readonly interrupted: boolean;
};

export type Verdict =
  | { readonly ours: true; readonly address: string }
  | { readonly ours: false; readonly why: string };

const foreign = (why: string): Verdict => ({ ours: false, why });

/** What a record claims. */
export function claimOf(record: EnvRecord, state: AbsPath): Claim {
  return {
    place: placeOf(state, record.id),
    tag: mountTag(record.lineage, record.id),
    mounts: record.mounts,
    resources: [...record.resources, ...(record.previous ?? [])],
    interrupted: record.phase === "applying" || record.phase === "destroying",
  };
}

/** Without a record only tag and place speak: volumes cannot be proven. */
export function bareClaim(lineage: Lineage, id: EnvId, state: AbsPath): Claim {
  return {
    place: placeOf(state, id),
    tag: mountTag(lineage, id),
    mounts: {},
    resources: [],
    interrupted: false,
  };
}

/**
 * Whether a mount is ours, by what the kernel shows now. Overlays and the tmpfs of an upper carry our tag at our place. The anchor is a
 * self-bind of the environment's directory. What is mounted inside hangs below our overlay through mounts of ours alone, and is the
 * one recorded: same id, device and point, and the id that is never reused where the kernel has it (6.8).
 */
export function prove(reader: Reader, table: Table, claim: Claim, mount: MountEntry): Verdict {
  const { place, tag } = claim;
  const what = `${mount.type} mount ${mount.id} from ${mount.source}`;
  if (mount.point === place.merged) {
    return mount.type === "overlay" && mount.source === tag
      ? { ours: true, address: "overlay" }
      : foreign(`${what} is not the overlay ${tag}`);
  }
  if (mount.point === place.rw) {
    return mount.type === "tmpfs" && mount.source === tag
      ? { ours: true, address: "rw" }
      : foreign(`${what} is not the tmpfs ${tag}`);
  }
  if (mount.point === place.dir) return proveAnchor(table, claim, mount);
  if (isWithin(place.merged, mount.point)) return proveInner(reader, table, claim, mount);
  return foreign(`${what} lies where envctl mounts nothing`);
}

function proveAnchor(table: Table, { place, mounts, interrupted }: Claim, mount: MountEntry): Verdict {
  const parent = parentMount(table, mount);
  const itself =
    parent !== undefined &&
    isWithin(parent.point, place.dir) &&
    mount.dev === parent.dev &&
    mount.root === rootOf(parent, place.dir);
  const recorded = mounts["anchor"];
  const other = recorded !== undefined && !interrupted && recorded.id !== mount.id;
  return itself && !other
    ? { ours: true, address: "anchor" }
    : foreign(`mount ${mount.id} is not the self-bind of the environment's directory`);
}

/** The path within its file system of something that lies on a mount. */
function rootOf(mount: MountEntry, path: AbsPath): string {
  return join(mount.root as AbsPath, path.slice(mount.point === "/" ? 0 : mount.point.length));
}

function proveInner(reader: Reader, table: Table, claim: Claim, mount: MountEntry): Verdict {
  const parent = parentMount(table, mount);
  const above =
    parent === undefined || !isWithin(claim.place.merged, parent.point)
      ? undefined
      : prove(reader, table, claim, parent);
  if (parent === undefined || above?.ours !== true)
    return foreign(`mount ${mount.id} does not hang below an overlay of this environment`);
  const address =
    recordedAs(reader, claim, mount) ??
    declaredAs(reader, claim, mount) ??
    carriedBy(table, claim, mount, parent, above.address);
  return address === undefined
    ? foreign(`${mount.type} mount ${mount.id} from ${mount.source} was not made by envctl`)
    : { ours: true, address };
}

function recordedAs(reader: Reader, claim: Claim, mount: MountEntry): string | undefined {
  const same = ([address, r]: readonly [string, RecordedMount]): boolean => {
    if (r.id !== mount.id || r.dev !== mount.dev || r.point !== mount.point) return false;
    if (!isVisible(reader, mount)) return true;
    const unique = r.unique === undefined ? undefined : reader.uniqueMountId(r.point);
    // Ids are given out again at once: without the one that is not, the object mounted must be the one declared.
    return unique === undefined ? isDeclared(reader, innerOf(claim, address), mount) : unique === r.unique;
  };
  return Object.entries(claim.mounts).find(same)?.[0];
}

/** After a kill between mounting and noting it: at the declared target, the declared object. */
function declaredAs(reader: Reader, claim: Claim, mount: MountEntry): string | undefined {
  const at = (inner: InnerMount): boolean => {
    if (!claim.interrupted && claim.mounts[inner.address] !== undefined) return false;
    const [target, point] = [
      reader.statIn(claim.place.merged, inner.target),
      reader.stat(mount.point as AbsPath),
    ];
    const there =
      target !== undefined && point !== undefined && target.dev === point.dev && target.ino === point.ino;
    return there && isVisible(reader, mount) && isDeclared(reader, inner, mount);
  };
  return claim.resources.find((r): r is InnerMount => (r.kind === "volume" || r.kind === "tmpfs") && at(r))
    ?.address;
}

function innerOf(claim: Claim, address: string): InnerMount | undefined {
  return claim.resources.find(
    (r): r is InnerMount => r.address === address && (r.kind === "volume" || r.kind === "tmpfs"),
  );
}

function isDeclared(reader: Reader, inner: InnerMount | undefined, mount: MountEntry): boolean {
  if (inner === undefined) return false;
  if (inner.kind === "tmpfs") return mount.type === "tmpfs" && mount.root === "/";
  const inode = inner.inode ?? reader.stat(inner.path);
  const seen = reader.stat(mount.point as AbsPath);
  return inode !== undefined && seen !== undefined && seen.dev === inode.dev && seen.ino === inode.ino;
}

/** What a recursive volume brought along: the same object is mounted at the same place below the volume's source. */
function carriedBy(
  table: Table,
  claim: Claim,
  mount: MountEntry,
  parent: MountEntry,
  address: string,
): string | undefined {
  const volume = claim.resources.find(
    (r): r is VolumeResource => r.kind === "volume" && r.address === address,
  );
  if (volume?.recursive !== true) return undefined;
  const top = claim.mounts[volume.address]?.point ?? join(claim.place.merged, volume.target);
  if (!isWithin(top, parent.point)) return undefined;
  const origin = join(volume.path, mount.point.slice(top.length));
  const source = parseMountinfo(table.text, [` ${mount.dev} `]).some(
    (m) => m.point === origin && m.dev === mount.dev && m.root === mount.root,
  );
  return source ? volume.address : undefined;
}
