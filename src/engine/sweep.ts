import type { EnvId } from "#model/brand";
import { sweepLayers } from "#execute/layers";
import { deleteTree } from "#guard/delete";
import { removeGroups } from "#guard/groups";
import { awaitGone, stopProcesses } from "#guard/stop";
import { instanceOf, placeOf } from "#model/identity";
import type { EnvRecord, OwnedCgroup } from "#model/record";
import { groupsOfLineage } from "#observe/cgroups";
import { lookAtHost } from "#observe/host";
import { runNumbers, supervisors } from "#record/runs";
import { tidyRuns } from "./forget-run.ts";
import type { WriteHost } from "./host.ts";
import { runsOf } from "./runs.ts";
import type { OpenState } from "./state.ts";
import { envIds, recordStateOf, saveRecord, tryHold } from "./state.ts";

/**
 * Takes away what killed commands left half-way: layers that were being made, and `run --rm` instances whose exclusion lock nobody
 * holds and in which no detached run lives. Their mounts went with their namespace; what is left is their groups and directory, ours by
 * place. Of detached runs that are over the groups go; their status stays.
 */
export function sweep(host: WriteHost, state: OpenState): void {
  sweepLayers(host, state.path);
  for (const id of envIds(host, state)) {
    const isInstance = instanceOf(id) !== undefined;
    if (!isInstance && runNumbers(host.reader, state.path, id).length === 0) continue;
    const lock = tryHold(host, state, id);
    if (lock === undefined) continue;
    try {
      if (!isInstance) tidyRuns(host, state, id);
      else if (isOver(host, state, id)) removeInstance(host, state, id);
    } finally {
      lock.release();
    }
  }
}

/** Nobody asked to keep it, and no detached run lives in it. */
function isOver(host: WriteHost, state: OpenState, id: EnvId): boolean {
  if (instanceRecord(host, state, id)?.phase === "kept") return false;
  return !runsOf(host, state, [id]).some((run) => run.state === "running");
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
  awaitGone(host, supervisors(host.reader, state.path, id));
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
