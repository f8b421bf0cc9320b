import type { AbsPath } from "#model/brand";
import { mountTag } from "#model/identity";
import type { Plan, ReadyPlan } from "#model/plan";
import type { Observed } from "#model/observed";
import type { EnvRecord, RecordedMount } from "#model/record";
import type { StepEvent } from "#model/step";
import type { StageName } from "#model/timings";
import type { RecordBase } from "#execute/context";
import { execute, type Ended } from "#execute/execute";
import { groupsAfter, lower, resultOf } from "#plan/lower";
import { recordedResources, standings } from "#plan/standing";
import type { WriteHost } from "./host.ts";
import { forgetEnv, saveRecord, type OpenState } from "./state.ts";

export type Told = (plan: Plan, event: StepEvent) => void | Promise<void>;

/** How it ended; `undone` says whether what had been done by a failure was put back. */
export type Carried = Ended & { readonly undone: "nothing" | "all" | "failed" };

export type CarryOptions = {
  readonly onError?: "rollback" | "keep";
  readonly keepUpper?: boolean;
  readonly lazy?: boolean;
  /** What its time counts as. */
  readonly stage?: StageName;
};

/** Carries out a plan: every step is told, and between two steps pending signals are let in. */
export async function carryOut(
  host: WriteHost,
  state: OpenState,
  plan: ReadyPlan,
  base: RecordBase | undefined,
  tell: Told,
  options: CarryOptions = {},
): Promise<Carried> {
  const { observed } = plan;
  const { reader, mounts, files, layers, cgroups, clock } = host;
  const context = {
    reader,
    mounts,
    files,
    layers,
    cgroups,
    clock,
    plan,
    ...(base === undefined ? {} : { base }),
    tag: mountTag(observed.lineage, plan.id),
    after: resultOf(plan),
    groups: groupsAfter(plan),
    before: recordedResources(observed),
    save: (record: EnvRecord) => saveRecord(host, state, record),
    forget: () => forgetEnv(host, state, plan.id),
    mounted: mountedNow(host, observed),
    former: observed.record?.former ?? [],
    down: new Map(),
    held: false,
    lazy: options.lazy ?? false,
    interrupted: host.interrupted,
    serial: observed.record?.serial ?? 0,
  };
  const events = execute(lower(plan, options), context, { onError: options.onError ?? "rollback" });
  let undone: Carried["undone"] = "nothing";
  for (;;) {
    const next = await advance(events);
    if (next.done === true) {
      host.lap(options.stage ?? "execute");
      return { ...next.value, undone };
    }
    if (next.value.event === "undo_done" && undone === "nothing") undone = "all";
    if (next.value.event === "undo_failed") undone = "failed";
    await tell(plan, next.value);
    if (next.value.event === "step_done" || next.value.event === "step_progress") await host.breathe();
  }
}

/** What the executor tells next. While it waits for something, others go on. */
async function advance(events: ReturnType<typeof execute>): Promise<IteratorResult<StepEvent, Ended>> {
  let next = events.next();
  for (;;) {
    if (next.done === true) return next;
    const { value } = next;
    if (value.event !== "waiting") return { value, done: false };
    const refusal = await value.until.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    next = refusal === undefined ? events.next() : events.throw(refusal.error);
  }
}

/** Whose mounts are there. A change that was cut short may not have come to write down what it mounted: then the kernel is asked. */
function mountedNow(host: WriteHost, observed: Observed): Map<string, RecordedMount> {
  const { record } = observed;
  const known = new Map(Object.entries(record?.mounts ?? {}));
  if (record === undefined || record.phase === "applied") return known;
  for (const [address, standing] of standings(recordedResources(observed), observed)) {
    if (standing.is !== "present" || standing.mount === undefined) continue;
    const { id, dev } = standing.mount;
    const point = standing.mount.point as AbsPath;
    const unique = host.reader.uniqueMountId(point);
    known.set(address, { id, dev, point, ...(unique === undefined ? {} : { unique }) });
  }
  return known;
}
