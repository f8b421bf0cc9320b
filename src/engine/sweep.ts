import type { EnvId } from "#model/brand";
import { sweepLayers } from "#execute/layers";
import { deleteTree } from "#guard/delete";
import { removeGroups } from "#guard/groups";
import { stopProcesses } from "#guard/stop";
import { instanceOf, placeOf } from "#model/identity";
import type { EnvRecord, OwnedCgroup } from "#model/record";
import { groupsOfLineage } from "#observe/cgroups";
import { lookAtHost } from "#observe/host";
import type { WriteHost } from "./host.ts";
import type { OpenState } from "./state.ts";
import { envIds, recordStateOf, saveRecord, tryHold } from "./state.ts";

/**
 * Takes away what killed commands left half-way: layers that were being made, and `run --rm` instances whose exclusion lock nobody
 * holds. Their mounts went with their namespace; what is left is their groups and directory, ours by place.
 */
export function sweep(host: WriteHost, state: OpenState): void {
  sweepLayers(host, state.path);
  for (const id of envIds(host, state)) {
    if (instanceOf(id) === undefined) continue;
    const lock = tryHold(host, state, id);
    if (lock === undefined) continue;
    if (instanceRecord(host, state, id)?.phase === "kept") {
      lock.release();
      continue;
    }
    try {
      removeInstance(host, state, id);
    } finally {
      lock.release();
    }
  }
}

/**
 * Ends and removes one throwaway instance; the caller holds its lock. Nothing of it is mounted here. `groups` may be gone or never have
 * been; where they are not known its record tells, and their places. @throws Failure, KernelError
 */
export function removeInstance(
  host: WriteHost,
  state: OpenState,
  id: EnvId,
  groups: readonly OwnedCgroup[] = groupsOf(host, state, id),
): void {
  const owner = { lineage: state.lineage, id };
  stopProcesses(host, owner, groups);
  removeGroups(host, owner, groups);
  deleteTree(host, state.path, placeOf(state.path, id).dir);
  host.lap("clean up");
}

/** The record may be cut short, and was perhaps made with another --cgroup-parent than is given now. */
function groupsOf(host: WriteHost, state: OpenState, id: EnvId): readonly OwnedCgroup[] {
  const { hierarchies } = lookAtHost(host.reader, host.cgroupParent);
  const found = groupsOfLineage(host.reader, hierarchies, state.lineage).get(id) ?? [];
  const known = new Set(found.map((g) => g.dir));
  const recorded = instanceRecord(host, state, id)?.cgroups ?? [];
  return [...found, ...recorded.filter((g) => !known.has(g.dir))];
}

function instanceRecord(host: WriteHost, state: OpenState, id: EnvId): EnvRecord | undefined {
  const found = recordStateOf(host, state, id);
  return found.kind === "valid" ? found.record : undefined;
}

/** A failed instance that was asked for: no sweep takes it, only `destroy ID`. */
export function keepInstance(host: WriteHost, state: OpenState, id: EnvId): void {
  const record = instanceRecord(host, state, id);
  if (record !== undefined) saveRecord(host, state, { ...record, serial: record.serial + 1, phase: "kept" });
}
