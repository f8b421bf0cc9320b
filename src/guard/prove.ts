import type { AbsPath } from "#model/brand";
import { isWithin, join } from "#model/brand";
import type { MountEntry } from "#model/observed";
import type { Reader } from "#ports/reader";
import type { Claim } from "./claim.ts";
import { carriedBy, declaredAs, recordedAs } from "./inner.ts";
import type { Table } from "./table.ts";
import { parentMount } from "./table.ts";

export type Verdict =
  | { readonly ours: true; readonly address: string }
  | { readonly ours: false; readonly why: string };

const foreign = (why: string): Verdict => ({ ours: false, why });

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
