import type { Diagnostic } from "#model/diagnostic";
import { Failure } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import { lookAtHost } from "#observe/host";
import { recordBase } from "./base.ts";
import type { Carried, Told } from "./carry-out.ts";
import { carryOut } from "./carry-out.ts";
import { isDiagnostics } from "./load.ts";
import type { EnvFile } from "./load.ts";
import type { WriteHost } from "./host.ts";
import type { Planned } from "./make-plan.ts";
import { planApply } from "./make-plan.ts";
import type { Lock } from "./state.ts";
import { hold, openState } from "./state.ts";
import { sweep } from "./sweep.ts";

/** Plans made under the environments' exclusion locks, to be shown, agreed to and carried out. */
export type ApplySession = {
  readonly planned: readonly Planned[];
  carryOut(plan: Plan, tell: Told, onError: "rollback" | "keep"): Promise<Carried>;
  close(): void;
};

/** Takes the exclusion locks and plans every file. @throws Failure 3 with all mistakes of all files; 4 where another envctl is at work */
export async function openApply(host: WriteHost, files: readonly EnvFile[]): Promise<ApplySession> {
  const state = openState(host);
  const locks: Lock[] = [];
  try {
    for (const { id } of [...files].sort((a, b) => (a.id < b.id ? -1 : 1)))
      locks.push(await hold(host, state, id));
    await sweep(host, state);
    const planned = await planFiles(host, files, state);
    return {
      planned,
      carryOut: (plan, tell, onError) => {
        if (plan.kind !== "ready") throw new Error(`a blocked plan of ${plan.name} reached the executor`);
        const { loaded } = planned.find((p) => p.plan === plan)!.declared;
        return carryOut(host, state, plan, recordBase(host, loaded, plan.observed.record), tell, { onError });
      },
      close: () => locks.forEach((lock) => lock.release()),
    };
  } catch (error) {
    for (const lock of locks) lock.release();
    throw error;
  }
}

async function planFiles(
  host: WriteHost,
  files: readonly EnvFile[],
  state: ReturnType<typeof openState>,
): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  const wrong: Diagnostic[] = [];
  const machine = lookAtHost(host.reader);
  for (const file of files) {
    const result = await planApply(host, state, machine, file);
    if (isDiagnostics(result)) wrong.push(...result);
    else planned.push(result);
  }
  if (wrong.some((d) => d.severity === "error")) throw new Failure(3, wrong);
  return planned;
}
