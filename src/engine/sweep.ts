import type { EnvId } from "#model/brand";
import { instanceOf } from "#model/identity";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { sweepLayers } from "#execute/layers";
import type { Host } from "#model/observed";
import type { EnvRecord } from "#model/record";
import { plan } from "#plan/plan";
import { carryOut } from "./carry-out.ts";
import type { WriteHost } from "./host.ts";
import type { OpenState } from "./state.ts";
import { envIds, recordStateOf, saveRecord, tryHold } from "./state.ts";

/**
 * Takes away what killed commands left half-way: layers that were being made, and of `run --rm` instances whose exclusion lock nobody holds. Their mounts went with their namespace; what is
 * left is their groups and directory, ours by place.
 */
export async function sweep(host: WriteHost, state: OpenState): Promise<void> {
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
      await removeInstance(host, state, id);
    } finally {
      lock.release();
    }
  }
}

/**
 * Ends and removes one throwaway instance; the caller holds its lock. Groups and directory are found by their places: its record is not
 * needed, and may be cut short.
 */
export async function removeInstance(
  host: WriteHost,
  state: OpenState,
  id: EnvId,
  machine: Host = lookAtHost(host.reader, host.cgroupParent),
): Promise<void> {
  const observed = observe(host.reader, id, state.lineage, state.path, { host: machine });
  const gone = plan({
    intent: "destroy",
    placement: "private",
    id,
    name: id,
    file: state.path,
    desired: [],
    observed,
  });
  const ended = await carryOut(host, state, gone, undefined, () => undefined, {
    onError: "keep",
    stage: "clean up",
  });
  if (ended.kind === "failed") throw ended.error;
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
