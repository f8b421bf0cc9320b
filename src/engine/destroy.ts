import type { EnvId } from "#model/brand";
import { failure } from "#model/diagnostic";
import { instanceOf } from "#model/identity";
import type { Plan } from "#model/plan";
import type { EnvRecord } from "#model/record";
import { lookAtHost } from "#observe/host";
import { stillProcesses } from "#observe/still";
import { baseOf } from "./base.ts";
import type { Carried, Told } from "./carry-out.ts";
import { carryOut } from "./carry-out.ts";
import type { WriteHost } from "./host.ts";
import { planDestroy } from "./make-plan.ts";
import { obstruct, withEndedRuns } from "./obstacles.ts";
import { attempt } from "./plan.ts";
import { runsOf } from "./runs.ts";
import type { Target } from "./select.ts";
import type { Lock } from "./state.ts";
import { envIds, hold, openState, recordOf, recordStateOf, viewState } from "./state.ts";
import { strayGroups } from "./stray.ts";
import { removeInstance } from "./instance.ts";
import { sweep } from "./sweep.ts";
import { planUnrecorded } from "./unrecorded.ts";

export type DestroyOptions = { readonly keepUpper: boolean; readonly lazy: boolean };

export type DestroySession = {
  readonly plans: readonly Plan[];
  /** Environments that could not be planned, each for its own reason. */
  readonly failures: readonly unknown[];
  carryOut(plan: Plan, tell: Told): Promise<Carried>;
  close(): void;
};

/** Where there is no state directory yet, none is made in order to destroy. */
const NOTHING: DestroySession = {
  plans: [],
  failures: [],
  carryOut: () => Promise.reject(new Error("nothing was planned")),
  close: () => undefined,
};

/**
 * Every environment of this state directory with the throwaway instances that were kept and the groups no record names, or the
 * environments whose file is gone.
 */
export function recorded(host: WriteHost, which: "all" | "orphans"): readonly Target[] {
  if (viewState(host).lineage === undefined) return [];
  const state = openState(host);
  const ids = envIds(host, state);
  const found = ids.flatMap((id): Target[] => {
    const known = recordStateOf(host, state, id);
    if (known.kind !== "valid")
      return which === "all" && instanceOf(id) === undefined ? [{ id, name: id }] : [];
    const { record } = known;
    // An instance that nobody kept is a running command's, or swept; but a detached one's command is gone.
    const ours = record.phase === "kept" || runsOf(host, state, [id]).length > 0;
    if (instanceOf(id) !== undefined && (which === "orphans" || !ours)) return [];
    const gone = host.reader.stat(record.file) === undefined;
    return which === "all" || gone ? [{ id, name: record.name, record }] : [];
  });
  if (which === "orphans") return found;
  return [...found, ...[...strayGroups(host, state).keys()].map((id) => ({ id, name: id }))];
}

/** Locks and plans the destruction of what the records say. Targets that are not on this host are left out. */
export async function openDestroy(
  host: WriteHost,
  targets: readonly Target[],
  options: DestroyOptions,
): Promise<DestroySession> {
  if (viewState(host).lineage === undefined) return NOTHING;
  const state = openState(host);
  const locks: Lock[] = [];
  const close = (): void => locks.forEach((lock) => lock.release());
  const failures: unknown[] = [];
  const records = new Map<Plan, EnvRecord | undefined>();
  try {
    sweep(host, state);
    const held: EnvId[] = [];
    for (const { id } of [...targets].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      await attempt(failures, async () => {
        locks.push(await hold(host, state, id));
        held.push(id);
      });
    }
    const machine = lookAtHost(host.reader, host.cgroupParent);
    const processes = stillProcesses(host.reader);
    for (const id of held) {
      await attempt(failures, () => {
        const record = recordOf(host, state, id);
        if (record === undefined) {
          const bare = planUnrecorded(host, state, id);
          if (bare !== undefined && options.keepUpper) throw noKeeping(bare);
          if (bare === undefined) removeInstance(host, state, id);
          else records.set(bare, undefined);
          return;
        }
        const ready = withEndedRuns(host, state, planDestroy(host, state, machine, record));
        const plan = options.keepUpper ? { ...ready, keepUpper: true } : ready;
        const checked = obstruct(host, plan, processes);
        records.set(options.lazy ? despiteHolders(checked, plan) : checked, record);
      });
    }
    return {
      plans: [...records.keys()],
      failures,
      carryOut: async (plan, tell) => {
        if (plan.kind !== "ready") throw new Error(`a blocked plan of ${plan.name} reached the executor`);
        const record = records.get(plan);
        const base = record === undefined ? undefined : baseOf(record);
        return carryOut(host, state, plan, base, tell, { ...options, onError: "keep" });
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Detaching goes on under whoever is inside; a mount that is not ours would be detached along, and stops it still. */
function despiteHolders(checked: Plan, ready: Plan): Plan {
  return checked.kind === "blocked" && checked.foreign.length > 0 ? { ...checked, blocked: [] } : ready;
}

/** The record is what says to whom a kept upper belongs. */
function noKeeping({ id, observed }: Plan): Error {
  return failure(
    1,
    "bad_record",
    `${id} has no record, so that what was written inside cannot be kept for it`,
    {
      hint: `Copy it (${observed.place.upper}), then destroy without --keep-upper.`,
    },
  );
}
