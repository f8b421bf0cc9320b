import type { EnvId } from "#model/brand";
import type { Host } from "#model/observed";
import type { OwnedCgroup } from "#model/record";
import { groupsOfLineage } from "#observe/cgroups";
import { lookAtHost } from "#observe/host";
import type { ReadHost } from "./host.ts";
import { envIds, type StateView } from "./state.ts";

/** Groups of this state directory's that no record or directory names, by the environment they are called after. */
export function strayGroups(
  host: ReadHost,
  state: StateView,
  machine: Host = lookAtHost(host.reader, host.cgroupParent),
): ReadonlyMap<EnvId, readonly OwnedCgroup[]> {
  if (state.lineage === undefined) return new Map();
  const known = new Set(envIds(host, state));
  const all = groupsOfLineage(host.reader, machine.hierarchies, state.lineage);
  return new Map([...all].filter(([id]) => !known.has(id)));
}
