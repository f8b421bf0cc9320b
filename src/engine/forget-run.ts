import type { EnvId } from "#model/brand";
import { baseName, parentOf } from "#model/brand";
import type { DetachedRun, RunFiles, RunRecord, RunState } from "#model/detached";
import { KernelError } from "#model/diagnostic";
import { instanceOf } from "#model/identity";
import type { OwnedCgroup } from "#model/record";
import { deleteTree } from "#guard/delete";
import { bootOf, stateOfRun } from "#observe/runs";
import { readRun, runFiles, runNumbers } from "#record/runs";
import type { ActHost } from "./host.ts";
import { removeEmptyLeaves } from "./run-groups.ts";
import type { OpenState } from "./state.ts";
import { recordStateOf } from "./state.ts";

/** Takes the directory of a run away, and the one above with the last. */
export function forgetRun(host: ActHost, state: OpenState, { dir }: RunFiles): void {
  deleteTree(host, state.path, dir);
  try {
    host.files.removeDir(parentOf(dir));
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOTEMPTY", "ENOENT"].includes(error.errno))) throw error;
  }
}

/** The groups that are a run's alone: named by its number below the environment's; all of a throwaway instance's. */
export function ownGroups({ record }: DetachedRun): readonly OwnedCgroup[] {
  if (instanceOf(record.id) !== undefined) return record.cgroups;
  return record.cgroups.filter(({ dir }) => baseName(dir) === `${record.number}`);
}

/**
 * Tidies up after killed commands and ended runs of an environment, whose lock the caller holds: a run that never came to be started is
 * taken away, of one that is over its group. Its status stays.
 */
export function tidyRuns(host: ActHost, state: OpenState, id: EnvId): void {
  for (const number of runNumbers(host.reader, state.path, id)) {
    const files = runFiles(state.path, id, number);
    const record = readRun(host.reader, files);
    const stands = record && stateOfRun(host.reader, bootOf(host.reader), record, files);
    if (neverRan(record, stands)) forgetRun(host, state, files);
  }
  const known = recordStateOf(host, state, id);
  if (known.kind === "valid") removeEmptyLeaves(host, known.record.cgroups);
}

/** Without a record, or unchanged since right before it was let go: at end of file its own shell ends with 125 (launch-script.ts). */
function neverRan(record: RunRecord | undefined, stands: RunState | undefined): boolean {
  if (record?.phase === "started" || stands?.state === "running") return false;
  return stands?.state !== "ended" || ("code" in stands.ending && stands.ending.code === 125);
}
