import { parseMountinfo } from "#model/mountinfo";
import type { MountEntry, NamespaceView } from "#model/observed";
import type { Reader } from "#ports/reader";
import { allPids, commandOf, mountNamespaceOf, proc, quietly } from "./proc.ts";

/**
 * Other mount namespaces in which an overlay with this tag is mounted: copies made by later `unshare`s, containers, services, and the
 * environment's own runs. One look at each namespace through one of its processes; as an ordinary user only one's own are seen.
 * A namespace that no process lives in (a bind mount or descriptor keeps it) is not found. `ours`: processes of the environment's cgroups.
 */
export function namespacesWith(
  reader: Reader,
  tag: string,
  ours: ReadonlySet<number>,
): readonly NamespaceView[] {
  const here = mountNamespaceOf(reader, "self");
  const residents = new Map<string, number[]>();
  for (const pid of allPids(reader)) {
    const namespace = mountNamespaceOf(reader, pid);
    if (namespace !== undefined && namespace !== here)
      residents.set(namespace, [...(residents.get(namespace) ?? []), pid]);
  }
  return [...residents].flatMap(([namespace, pids]): NamespaceView[] => {
    // The first may have ended meanwhile, or may not be readable.
    for (const pid of pids) {
      const text = quietly(() => reader.textAny(proc(pid, "mountinfo")));
      if (text === undefined || text === "") continue;
      const mounts = text.includes(` ${tag} `) ? overlayAndBelow(parseMountinfo(text), tag) : [];
      if (mounts.length === 0) return [];
      return [
        { namespace, pid, command: commandOf(reader, pid), own: pids.some((p) => ours.has(p)), mounts },
      ];
    }
    return [];
  });
}

/** Every mount of the overlay with this tag, and what hangs below them, in the order given. */
export function overlayAndBelow(mounts: readonly MountEntry[], tag: string): readonly MountEntry[] {
  const ids = new Set(mounts.filter((m) => m.source === tag && m.type === "overlay").map((m) => m.id));
  // A moved mount may be listed before its parent: go on until nothing is added.
  for (let before = -1; before !== ids.size;) {
    before = ids.size;
    for (const m of mounts) if (ids.has(m.parent)) ids.add(m.id);
  }
  return mounts.filter((m) => ids.has(m.id));
}
