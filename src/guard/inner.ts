import type { AbsPath } from "#model/brand";
import { isWithin, join } from "#model/brand";
import { parseMountinfo } from "#model/mountinfo";
import type { MountEntry } from "#model/observed";
import type { RecordedMount } from "#model/record";
import type { InnerMount, VolumeResource } from "#model/resource";
import type { Reader } from "#ports/reader";
import type { Claim } from "./claim.ts";
import type { Table } from "./table.ts";
import { isVisible } from "./table.ts";

/** The address of the recorded mount that this one is. */
export function recordedAs(reader: Reader, claim: Claim, mount: MountEntry): string | undefined {
  const same = ([address, r]: readonly [string, RecordedMount]): boolean => {
    if (r.id !== mount.id || r.dev !== mount.dev || r.point !== mount.point) return false;
    if (!isVisible(reader, mount)) return true;
    const unique = r.unique === undefined ? undefined : reader.uniqueMountId(r.point);
    // Ids are given out again at once: without the one that is not, the object mounted must be the one declared.
    return unique === undefined
      ? innersOf(claim, address).some((inner) => isDeclared(reader, inner, mount))
      : unique === r.unique;
  };
  return Object.entries(claim.mounts).find(same)?.[0];
}

/** After a kill between mounting and noting it: at the declared target, the declared object. */
export function declaredAs(reader: Reader, claim: Claim, mount: MountEntry): string | undefined {
  const at = (inner: InnerMount): boolean => {
    if (!claim.interrupted && claim.mounts[inner.address] !== undefined) return false;
    if (resolveIn(reader, claim.place.merged, inner.target) !== mount.point) return false;
    return isVisible(reader, mount) && isDeclared(reader, inner, mount);
  };
  return claim.resources.find((r): r is InnerMount => (r.kind === "volume" || r.kind === "tmpfs") && at(r))
    ?.address;
}

/** Where a path leads for somebody whose root is `root`: symlinks and `..` stay inside, as with openat2(2) RESOLVE_IN_ROOT. */
function resolveIn(reader: Reader, root: AbsPath, path: string): AbsPath {
  const done: string[] = [];
  const rest = path.split("/").filter((name) => name !== "" && name !== ".");
  for (let hops = 0, name = rest.shift(); name !== undefined && hops <= 40; name = rest.shift()) {
    if (name === "..") {
      done.pop();
      continue;
    }
    const at = join(root, ...done, name);
    const link = reader.lstat(at)?.type === "symlink" ? reader.readlink(at) : undefined;
    if (link === undefined) {
      done.push(name);
      continue;
    }
    hops++;
    if (link.startsWith("/")) done.length = 0;
    rest.unshift(...link.split("/").filter((part) => part !== "" && part !== "."));
  }
  return join(root, ...done);
}

/** What an address stands for: in the middle of a change that is what was there, and what comes. */
function innersOf(claim: Claim, address: string): readonly InnerMount[] {
  return claim.resources.filter(
    (r): r is InnerMount => r.address === address && (r.kind === "volume" || r.kind === "tmpfs"),
  );
}

function isDeclared(reader: Reader, inner: InnerMount, mount: MountEntry): boolean {
  if (inner.kind === "tmpfs") return mount.type === "tmpfs" && mount.root === "/";
  const inode = inner.inode ?? reader.stat(inner.path);
  const seen = reader.stat(mount.point as AbsPath);
  return inode !== undefined && seen !== undefined && seen.dev === inode.dev && seen.ino === inode.ino;
}

/** What a recursive volume brought along: the same object is mounted at the same place below the volume's source. */
export function carriedBy(
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
