import type { EnvId } from "#model/brand";
import { deleteTree } from "#guard/delete";
import { removeGroups } from "#guard/groups";
import { awaitGone, stopProcesses } from "#guard/stop";
import { placeOf } from "#model/identity";
import type { EnvRecord, OwnedCgroup } from "#model/record";
import { groupsOfLineage } from "#observe/cgroups";
import { lookAtHost } from "#observe/host";
import { supervisors } from "#record/runs";
import type { ActHost } from "./host.ts";
import type { OpenState } from "./state.ts";
import { recordStateOf, saveRecord } from "./state.ts";

/**
 * Ends and removes one throwaway instance; the caller holds its lock. Nothing of it is mounted here. `groups` may be gone or never have
 * been; where they are not known its record tells, and their places. @throws Failure, KernelError
 */
export function removeInstance(
  host: ActHost,
  state: OpenState,
  id: EnvId,
  groups: readonly OwnedCgroup[] = groupsOf(host, state, id),
): void {
  const owner = { lineage: state.lineage, id };
  stopProcesses(host, owner, groups);
  awaitGone(host, supervisors(host.reader, state.path, id));
  removeGroups(host, owner, groups);
  deleteTree(host, state.path, placeOf(state.path, id).dir);
  host.lap("clean up");
}

/** The record may be cut short, and was perhaps made with another --cgroup-parent than is given now. */
function groupsOf(host: ActHost, state: OpenState, id: EnvId): readonly OwnedCgroup[] {
  const { hierarchies } = lookAtHost(host.reader, host.cgroupParent);
  const found = groupsOfLineage(host.reader, hierarchies, state.lineage).get(id) ?? [];
  const known = new Set(found.map((g) => g.dir));
  const recorded = instanceRecord(host, state, id)?.cgroups ?? [];
  return [...found, ...recorded.filter((g) => !known.has(g.dir))];
}

/** Its record, where it can be read. */
export function instanceRecord(host: ActHost, state: OpenState, id: EnvId): EnvRecord | undefined {
  const found = recordStateOf(host, state, id);
  return found.kind === "valid" ? found.record : undefined;
}

/** A failed instance that was asked for: no sweep takes it, only `destroy ID`. */
export async function keepInstance(host: ActHost, state: OpenState, id: EnvId): Promise<void> {
  const record = instanceRecord(host, state, id);
  if (record !== undefined)
    await saveRecord(host, state, { ...record, serial: record.serial + 1, phase: "kept" });
}
