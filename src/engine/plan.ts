import type { Diagnostic } from "#model/diagnostic";
import { Failure } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import { lookAtHost } from "#observe/host";
import { stillProcesses } from "#observe/still";
import { mountsAnew } from "#plan/reach";
import type { ReadHost } from "./host.ts";
import { isDiagnostics } from "./load.ts";
import type { EnvFile } from "./load.ts";
import { planApply, planDestroy } from "./make-plan.ts";
import type { Planned } from "./planned.ts";
import { filesOf, type Target } from "./select.ts";
import { recordOf, viewState } from "./state.ts";

/**
 * What apply would do, without touching anything. `failures`: takes what keeps an environment from being planned, and the others go on.
 * `isMistake`: what counts as one, of what is wrong with a file. @throws Failure 3 with all mistakes of all files
 */
export async function planTargets(
  host: ReadHost,
  targets: readonly Target[],
  failures: unknown[],
  isMistake: (wrong: Diagnostic) => boolean = () => true,
): Promise<readonly Planned[]> {
  const state = viewState(host);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  const plans: Planned[] = [];
  const wrong: Diagnostic[] = [];
  for (const file of filesOf(targets)) {
    const result = await attempt(failures, () => planApply(host, state, machine, file));
    if (result === undefined) continue;
    if (isDiagnostics(result)) wrong.push(...result.filter(isMistake));
    else plans.push(result);
  }
  if (wrong.some((d) => d.severity === "error")) throw new Failure(3, wrong);
  if (!plans.some(({ plan }) => mountsAnew(plan.actions))) return plans;
  return (await import("./rules.ts")).withWarnings(host, plans);
}

/** A mistake in a file must not bring a state directory into being: before its first use all is planned once more. @throws Failure 3 */
export async function checkBeforeFirstUse(
  host: ReadHost,
  files: readonly EnvFile[],
  isMistake?: (wrong: Diagnostic) => boolean,
): Promise<void> {
  if (viewState(host).lineage !== undefined) return;
  const failures: unknown[] = [];
  const targets = files.map((file) => ({ id: file.id, name: file.name, file }));
  await planTargets(host, targets, failures, isMistake);
  if (failures.length > 0) throw failures[0];
}

/** What concerns one environment alone (in use, a bad record, applied elsewhere) is collected; anything else is thrown. */
export async function attempt<T>(failures: unknown[], work: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure) || error.exit === 3) throw error;
    failures.push(error);
    return undefined;
  }
}

/** What destroy would do; environments that are not on this host are left out. */
export async function planDestruction(
  host: ReadHost,
  targets: readonly Target[],
  failures: unknown[],
): Promise<readonly Plan[]> {
  const { obstruct, withEndedRuns } = await import("./obstacles.ts");
  const { planUnrecorded } = await import("./unrecorded.ts");
  const state = viewState(host);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  const processes = stillProcesses(host.reader);
  const { path, lineage } = state;
  const plans: Plan[] = [];
  for (const { id } of targets) {
    const plan = await attempt(failures, () => {
      const record = recordOf(host, state, id);
      if (record !== undefined) {
        const ready = withEndedRuns(host, state, planDestroy(host, state, machine, record));
        return obstruct(host, ready, processes);
      }
      return lineage === undefined ? undefined : planUnrecorded(host, { path, lineage }, id);
    });
    if (plan !== undefined) plans.push(plan);
  }
  return plans;
}
