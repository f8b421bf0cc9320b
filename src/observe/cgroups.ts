import type { EnvId, Lineage } from "#model/brand";
import { isWithin, join, parentOf } from "#model/brand";
import { cgroupDir, isEnvId } from "#model/identity";
import type { Hierarchy, ObservedCgroup } from "#model/observed";
import type { OwnedCgroup } from "#model/record";
import type { Reader } from "#ports/reader";
import { beginningAt } from "./hierarchies.ts";
import { controlPath, memoryUseFile, readLimits } from "./limits.ts";
import { quietly } from "./proc.ts";

/** The groups of an environment: recorded ones, whether they exist or not, and any other at its place. */
export function observeCgroups(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  lineage: Lineage,
  id: EnvId,
  recorded: readonly OwnedCgroup[],
): readonly ObservedCgroup[] {
  const known = new Set(recorded.map((g) => g.dir));
  const others = hierarchies
    .map((h) => ({
      dir: cgroupDir(h.base ?? h.mount, lineage, id),
      version: h.version,
      controllers: h.controllers,
    }))
    .filter(({ dir }) => !known.has(dir) && reader.stat(dir)?.type === "dir");
  return [...recorded, ...others].map(({ dir, version, controllers }) => {
    // A record names the controllers it uses; a later command may want others of the same hierarchy.
    const all = hierarchies.find((h) => dir.startsWith(`${h.mount}/`))?.controllers ?? controllers;
    return observeGroup(reader, { dir, version, controllers: all });
  });
}

/** Groups stay where they were made, whatever place a later command would choose for them: until they are gone, ours begin there. */
export function whereMade(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  recorded: readonly OwnedCgroup[],
): readonly Hierarchy[] {
  return hierarchies.map((h) => {
    const made = recorded.find((g) => g.version === h.version && isWithin(h.mount, g.dir));
    if (made === undefined || reader.stat(made.dir)?.type !== "dir") return h;
    return beginningAt(reader, h, parentOf(parentOf(made.dir)));
  });
}

function observeGroup(reader: Reader, group: OwnedCgroup): ObservedCgroup {
  const { dir, version, controllers } = group;
  const exists = reader.stat(dir)?.type === "dir";
  if (!exists) return { dir, version, exists, values: {}, populated: false };
  const file = (name: string): string | undefined => quietly(() => reader.textAny(controlPath(dir, name)));
  const memoryUse = controllers.includes("memory") ? file(memoryUseFile(version))?.trim() : undefined;
  return {
    dir,
    version,
    exists,
    values: readLimits(version, controllers, file),
    ...(memoryUse === undefined ? {} : { memoryUse }),
    populated: isPopulated(reader, group, file),
  };
}

/** v2 says it in cgroup.events; on v1 a group counts as populated while it has processes or groups below it (kernfs: links = 2 + groups). */
function isPopulated(
  reader: Reader,
  { dir, version }: Pick<OwnedCgroup, "dir" | "version">,
  file: (name: string) => string | undefined,
): boolean {
  const events = version === 2 ? file("cgroup.events") : undefined;
  if (events !== undefined) return /^populated 1$/m.test(events);
  return (file("cgroup.procs") ?? "").trim() !== "" || (reader.stat(dir)?.nlink ?? 2) > 2;
}

/** Every environment that has a group below `envctl-LINEAGE`, with its groups: for leftovers that no record names. */
export function groupsOfLineage(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  lineage: Lineage,
): ReadonlyMap<EnvId, readonly OwnedCgroup[]> {
  const found = new Map<EnvId, OwnedCgroup[]>();
  for (const { mount, base = mount, version, controllers } of hierarchies) {
    for (const top of new Set([mount, base].map((place) => join(place, `envctl-${lineage}`)))) {
      for (const name of quietly(() => reader.listAny(top)) ?? []) {
        const dir = join(top, name);
        if (!isEnvId(name) || reader.stat(dir)?.type !== "dir") continue;
        found.set(name, [...(found.get(name) ?? []), { dir, version, controllers }]);
      }
    }
  }
  return found;
}
