import type { Change } from "#model/plan";
import type { InnerMount, Layer, Overlay, VolumeResource } from "#model/resource";
import { mountFlags } from "#model/resource";

const sameLayer = (a: Layer, b: Layer): boolean =>
  a.path === b.path && a.inode.dev === b.inode.dev && a.inode.ino === b.inode.ino;

/** A layer by what makes it itself: a stored one may change under the same name. */
const layerText = ({ source, digest }: Layer): string =>
  digest === undefined ? source : `${source} (sha256:${digest.slice(0, 12)})`;

/** What differs between two overlays; nothing of it can change in a mounted one (a remount ignores lowerdir). */
export function overlayChanges(before: Overlay, after: Overlay): readonly Change[] {
  const changes: Change[] = [];
  const note = (path: string, from: unknown, to: unknown): void => {
    if (text(from) !== text(to)) changes.push({ path, before: from, after: to, forces_replace: true });
  };
  const same =
    before.lowers.length === after.lowers.length &&
    before.lowers.every((l, i) => sameLayer(l, after.lowers[i]!));
  if (!same) {
    const [old, now] = [before.lowers.slice(0, -1), after.lowers.slice(0, -1)];
    if (!sameLayer(before.lowers.at(-1)!, after.lowers.at(-1)!)) {
      changes.push({
        path: "rootfs",
        before: layerText(before.lowers.at(-1)!),
        after: layerText(after.lowers.at(-1)!),
        forces_replace: true,
      });
    }
    if (old.length !== now.length || !old.every((l, i) => sameLayer(l, now[i]!))) {
      changes.push({
        path: "lowers",
        before: old.map(layerText),
        after: now.map(layerText),
        forces_replace: true,
      });
    }
  }
  note("upper", before.upper, after.upper);
  note("options", before.options, after.options);
  note("hostname", before.init.hostname, after.init.hostname);
  note("resolv", before.init.resolv, after.init.resolv);
  return changes;
}

/** Keys in one order: a record keeps its own. */
export function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** What differs between two mounts at one target. A change of source or kind needs another mount; flags are a change in place. */
export function innerChanges(before: InnerMount, after: InnerMount): readonly Change[] {
  const changes: Change[] = [];
  const note = (path: string, from: unknown, to: unknown, forces: boolean): void => {
    if (JSON.stringify(from) === JSON.stringify(to)) return;
    changes.push({ path, before: from, after: to, ...(forces ? { forces_replace: true } : {}) });
  };
  if (before.kind === "volume" && after.kind === "volume") {
    note("source", before.path, after.path, true);
    note("recursive", before.recursive, after.recursive, true);
    note("owner", ownerText(before), ownerText(after), true);
    note("access", before.access, after.access, false);
    note("options", mountFlags(before), mountFlags(after), false);
  } else if (before.kind === "tmpfs" && after.kind === "tmpfs") {
    note("size", before.bytes ?? null, after.bytes ?? null, true);
    note("mode", before.mode, after.mode, true);
  }
  return changes;
}

const ownerText = ({ owner }: VolumeResource): string =>
  owner === undefined ? "as it is" : `${owner.uid}:${owner.gid}, inside ${owner.as.uid}:${owner.as.gid}`;
