import type { Diagnostic } from "#model/diagnostic";
import { Failure } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import { isSettled } from "#model/plan";
import { lookAtHost } from "#observe/host";
import { recordBase } from "./base.ts";
import type { Carried, Told } from "./carry-out.ts";
import { carryOut } from "./carry-out.ts";
import { isDiagnostics } from "./load.ts";
import type { EnvFile } from "./load.ts";
import type { WriteHost } from "./host.ts";
import type { Planned } from "./planned.ts";
import { planApply } from "./make-plan.ts";
import { attempt, checkBeforeFirstUse } from "./plan.ts";
import type { Lock, OpenState } from "./state.ts";
import { hold, openState, saveRecord } from "./state.ts";
import { withWarnings } from "./rules.ts";
import { sweep } from "./sweep.ts";

/** Plans made under the environments' exclusion locks, to be shown, agreed to and carried out. */
export type ApplySession = {
  readonly planned: readonly Planned[];
  /** Environments that could not even be planned, each for its own reason; the others are not stopped by them. */
  readonly failures: readonly unknown[];
  carryOut(plan: Plan, tell: Told, onError: "rollback" | "keep"): Promise<Carried>;
  /** Writes down how files were edited where it comes to no change: comments, another spelling, another version of envctl. */
  noteEdits(): Promise<void>;
  close(): void;
};

/** Takes the exclusion locks and plans every file. @throws Failure 3 with all mistakes of all files */
export async function openApply(host: WriteHost, files: readonly EnvFile[]): Promise<ApplySession> {
  await checkBeforeFirstUse(host, files);
  const state = openState(host);
  const locks: Lock[] = [];
  const failures: unknown[] = [];
  try {
    const held: EnvFile[] = [];
    // In one order everywhere, so that two applies cannot wait for each other.
    for (const file of [...files].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      const lock = await attempt(failures, () => hold(host, state, file.id));
      if (lock === undefined) continue;
      locks.push(lock);
      held.push(file);
    }
    sweep(host, state);
    const wanted = files.filter((file) => held.includes(file));
    const planned = await planFiles(host, wanted, state, failures);
    return {
      planned,
      failures,
      carryOut: (plan, tell, onError) => {
        if (plan.kind !== "ready") throw new Error(`a blocked plan of ${plan.name} reached the executor`);
        const { loaded } = planned.find((p) => p.plan === plan)!.declared;
        return carryOut(host, state, plan, recordBase(host, loaded, plan.observed.record), tell, { onError });
      },
      noteEdits: async () => {
        for (const one of planned) await noteEdit(host, state, one);
      },
      close: () => locks.forEach((lock) => lock.release()),
    };
  } catch (error) {
    for (const lock of locks) lock.release();
    throw error;
  }
}

async function noteEdit(host: WriteHost, state: OpenState, { plan, declared }: Planned): Promise<void> {
  const { record } = plan.observed;
  if (plan.kind !== "ready" || record === undefined || !isSettled(plan) || !declared.loaded.parsed) return;
  const serial = record.serial + 1;
  await saveRecord(host, state, { ...record, ...recordBase(host, declared.loaded, record), serial });
}

async function planFiles(
  host: WriteHost,
  files: readonly EnvFile[],
  state: OpenState,
  failures: unknown[],
): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  const wrong: Diagnostic[] = [];
  const machine = lookAtHost(host.reader, host.cgroupParent);
  for (const file of files) {
    const result = await attempt(failures, () => planApply(host, state, machine, file));
    if (result === undefined) continue;
    if (isDiagnostics(result)) wrong.push(...result);
    else planned.push(result);
  }
  if (wrong.some((d) => d.severity === "error")) throw new Failure(3, wrong);
  return withWarnings(host, planned);
}
