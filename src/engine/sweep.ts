import type { EnvId } from "#model/brand";
import { sweepLayers } from "#execute/layers";
import { Failure, KernelError } from "#model/diagnostic";
import { instanceOf } from "#model/identity";
import { runNumbers } from "#record/runs";
import { tidyRuns } from "./forget-run.ts";
import type { WriteHost } from "./host.ts";
import { instanceRecord, removeInstance } from "./instance.ts";
import { runsOf } from "./runs.ts";
import type { OpenState } from "./state.ts";
import { envIds, sweepLocks, tryHold } from "./state.ts";

/**
 * Takes away what killed commands left half-way: layers that were being made, locks of what never came to be, and `run --rm` instances
 * whose exclusion lock nobody holds and in which no detached run lives. Their mounts went with their namespace; what is left is their
 * groups and directory, ours by place. Of detached runs that are over the groups go; their status stays. What cannot go yet stays, too.
 */
export function sweep(host: WriteHost, state: OpenState): void {
  sweepLayers(host, state.path);
  const ids = envIds(host, state);
  sweepLocks(host, state, ids);
  for (const id of ids) {
    const isInstance = instanceOf(id) !== undefined;
    if (!isInstance && runNumbers(host.reader, state.path, id).length === 0) continue;
    const lock = tryHold(host, state, id);
    if (lock === undefined) continue;
    try {
      if (!isInstance) tidyRuns(host, state, id);
      else if (isOver(host, state, id)) removeInstance(host, state, id);
    } catch (error) {
      // Somebody's mount, or a process that does not end: drift tells of it, destroy says why, and what was asked for here goes on.
      if (!(error instanceof Failure || error instanceof KernelError)) throw error;
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
