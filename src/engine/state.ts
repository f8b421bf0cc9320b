import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { RecordState } from "#model/observed";
import type { EnvRecord } from "#model/record";
import { acquire, claimInstance, lockIds, release, tryAcquire } from "#record/lock";
import { createState, openState as peek, realState, type State } from "#record/state";
import { listIds, readRecord, removeRecord, writeRecord } from "#record/store";
import type { Held } from "#ports/files";
import type { ReadHost, ActHost } from "./host.ts";

/** Stands for the lineage of a state directory that does not exist yet: nothing on this host carries it. */
export const UNBORN = "00000000" as Lineage;

/** A state directory as a command that only looks sees it; without a lineage it does not exist yet. */
export type StateView = { readonly path: AbsPath; readonly lineage?: Lineage };
export type OpenState = StateView & { readonly lineage: Lineage };

/** Looks at the state directory and creates nothing. @throws Failure bad_state_dir */
export function viewState(host: ReadHost): StateView {
  const state = peek(host.reader, host.state);
  return state === undefined
    ? { path: realState(host.reader, host.state) }
    : { path: state.dir, lineage: state.lineage };
}

/** Opens the state directory, making what is missing. @throws Failure bad_state_dir, KernelError */
export function openState(host: ActHost): OpenState {
  const { dir, lineage } = createState(host, host.state);
  return { path: dir, lineage };
}

/** Every environment and instance with a directory here. */
export function envIds(host: ReadHost, state: StateView): readonly EnvId[] {
  return listIds(host.reader, state.path);
}

/** The record of an environment as it was found; without a state directory there is none. */
export function recordStateOf(host: ReadHost, state: StateView, id: EnvId): RecordState {
  return state.lineage === undefined
    ? { kind: "none" }
    : readRecord(host.reader, asState(state.path, state.lineage), id);
}

/** The record of an environment; undefined where it has none. @throws Failure bad_record */
export function recordOf(host: ReadHost, state: StateView, id: EnvId): EnvRecord | undefined {
  const found = recordStateOf(host, state, id);
  if (found.kind === "bad")
    throw failure(1, "bad_record", `the record of ${id} is not to be trusted: ${found.why}`, {
      hint: found.hint,
    });
  return found.kind === "valid" ? found.record : undefined;
}

/** All records that can be read. */
export function readableRecords(host: ReadHost): readonly EnvRecord[] {
  const state = viewState(host);
  return envIds(host, state).flatMap((id) => {
    const found = recordStateOf(host, state, id);
    return found.kind === "valid" ? [found.record] : [];
  });
}

/** Answers a promise where the record must reach the disk first. */
export function saveRecord(host: ActHost, state: OpenState, record: EnvRecord): Promise<void> | undefined {
  return writeRecord(host, state.path, record);
}

/** Takes record and directory of an environment away. */
export function forgetEnv(host: ActHost, state: OpenState, id: EnvId): void {
  removeRecord(host, state.path, id);
}

/** An exclusion lock. Its file goes with an environment that is gone. */
export type Lock = { release(): void };

/** Waits for an environment's exclusion lock. @throws Failure in_use, interrupted */
export async function hold(host: ActHost, state: OpenState, id: EnvId): Promise<Lock> {
  return lock(host, state, id, await acquire(host, state.path, id));
}

/** Takes away the lock files of environments that came to nothing: of those whose lock is free, with the lock. */
export function sweepLocks(host: ActHost, state: OpenState, there: readonly EnvId[]): void {
  const known = new Set(there);
  for (const id of lockIds(host.reader, state.path)) if (!known.has(id)) tryHold(host, state, id)?.release();
}

/** The lock where it is free. */
export function tryHold(host: ActHost, state: OpenState, id: EnvId): Lock | undefined {
  const held = tryAcquire(host, state.path, id);
  return held === undefined ? undefined : lock(host, state, id, held);
}

/** A number for a throwaway instance that nobody uses, with its lock. */
export function freeInstance(
  host: ActHost,
  state: OpenState,
  id: EnvId,
): { readonly id: EnvId; readonly lock: Lock } {
  const claimed = claimInstance(host, state.path, id);
  return { id: claimed.id, lock: lock(host, state, claimed.id, claimed.lock) };
}

function lock(host: ActHost, state: OpenState, id: EnvId, held: Held): Lock {
  return { release: () => release(host, state.path, id, held) };
}

const asState = (dir: AbsPath, lineage: Lineage): State => ({ dir, lineage });
