import type { AbsPath, EnvId } from "#model/brand";
import { Failure, failure } from "#model/diagnostic";
import { mountTag, placeOf } from "#model/identity";
import type { LaunchRoot } from "#model/launch";
import type { Plan } from "#model/plan";
import { isSettled } from "#model/plan";
import type { OwnedCgroup } from "#model/record";
import { byTarget, type InnerMount, type LimitName, type Overlay } from "#model/resource";
import { assemble, makeUpper } from "#execute/assemble";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { groupsAfter, resultOf } from "#plan/lower";
import { plan as makePlan } from "#plan/plan";
import type { Stage } from "#ports/mounts";
import { recordBase } from "./base.ts";
import type { Told } from "./carry-out.ts";
import { carryOut } from "./carry-out.ts";
import { tidyRuns } from "./forget-run.ts";
import type { WriteHost } from "./host.ts";
import type { EnvFile, Loaded } from "./load.ts";
import { declare, isDiagnostics, withValues } from "./load.ts";
import { enforceable, noController, planApply, withLayers } from "./make-plan.ts";
import { checkBeforeFirstUse } from "./plan.ts";
import { mountRules } from "./rules.ts";
import type { OpenState } from "./state.ts";
import { freeInstance, hold, openState, recordOf } from "./state.ts";
import { keepInstance, removeInstance } from "./instance.ts";
import { sweep } from "./sweep.ts";

export type Preparing = {
  /** Apply also what replaces or deletes. */
  readonly yes: boolean;
  /** Told of every step that is carried out before the entry starts. */
  readonly tell: Told;
  /** Goes on without the limits that nothing here enforces, and hears of them. */
  readonly weaken?: (limits: readonly LimitName[]) => void;
};

/** An environment that an entry can be launched in. */
export type Ready = {
  readonly state: OpenState;
  readonly id: EnvId;
  readonly loaded: Loaded;
  readonly root: LaunchRoot;
  /** The environment's own; a run gets one below (run-groups.ts). */
  readonly groups: readonly OwnedCgroup[];
  readonly build: (stage: Stage) => AbsPath;
};

/** Launches in the applied environment, whose exclusion lock is held until `use` returns; what only creates or updates is applied first. */
export async function inApplied<T>(
  host: WriteHost,
  env: EnvFile,
  options: Preparing,
  use: (ready: Ready) => T,
): Promise<{ readonly used: T }> {
  await checkBeforeFirstUse(host, [env]);
  const state = openState(host);
  const lock = await hold(host, state, env.id);
  try {
    sweep(host, state);
    tidyRuns(host, state, env.id);
    const { loaded, plan } = await applied(host, state, env, options);
    const { merged } = plan.observed.place;
    const root = { kind: "applied", merged } as const;
    // They stay where they were made, whatever hierarchy would be chosen for them now.
    const groups = isSettled(plan) ? plan.observed.record!.cgroups : groupsAfter(plan);
    // Not the promise that `use` may answer: the lock is not held until that is settled.
    return { used: use({ state, id: plan.id, loaded, root, groups, build: () => merged }) };
  } finally {
    lock.release();
  }
}

/** The environment as declared, its harmless changes carried out. */
async function applied(
  host: WriteHost,
  state: OpenState,
  env: EnvFile,
  { yes, tell }: Preparing,
): Promise<{ loaded: Loaded; plan: Extract<Plan, { kind: "ready" }> }> {
  const planned = await planApply(host, state, lookAtHost(host.reader, host.cgroupParent), env);
  if (isDiagnostics(planned)) throw new Failure(3, planned);
  const { plan, declared } = planned;
  if (plan.kind === "blocked")
    throw failure(5, "busy", `${env.name} is busy: its changes cannot be applied`, {
      hint: `See: envctl plan ${env.display}`,
    });
  const { replace, delete: remove } = plan.summary;
  if (replace + remove > 0 && !yes) {
    throw failure(
      125,
      "refused",
      `${env.name} has changes that replace or delete; run applies only what creates or updates`,
      {
        hint: `See them: envctl plan ${env.display}. Carry them out: envctl apply ${env.display}, or run -y.`,
      },
    );
  }
  if (!isSettled(plan)) {
    const ended = await carryOut(
      host,
      state,
      plan,
      recordBase(host, declared.loaded, plan.observed.record),
      tell,
    );
    if (ended.kind === "failed") throw ended.error;
    if (ended.kind === "interrupted") throw failure(125, "interrupted", "interrupted");
  }
  return { loaded: await withValues(host, declared.loaded), plan };
}

/** What is to become of a throwaway instance once `use` is done with it. */
export type Fate = "removed" | "kept" | "running";

/** Launches in an instance of its own, whose lock is held until it is removed, kept, or left to a supervisor. */
export async function inInstance<T>(
  host: WriteHost,
  env: EnvFile,
  { tell, weaken }: Preparing,
  use: (ready: Ready) => Promise<{ readonly used: T; readonly fate: Fate }>,
): Promise<T> {
  await checkBeforeFirstUse(host, [env], ({ code }) => weaken === undefined || code !== "no_controller");
  const state = openState(host);
  sweep(host, state);
  const record = recordOf(host, state, env.id);
  const declared = await declare(host, env, record);
  if (isDiagnostics(declared)) throw new Failure(3, declared);
  const loaded = await withValues(host, declared.loaded);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  const { id, lock } = freeInstance(host, state, env.id);
  let groups: readonly OwnedCgroup[] | undefined;
  const end = async (fate: Fate): Promise<void> => {
    try {
      if (fate === "removed") removeInstance(host, state, id, groups);
      if (fate === "kept") await keepInstance(host, state, id);
    } finally {
      lock.release();
    }
  };
  let done: { readonly used: T; readonly fate: Fate };
  try {
    const seen = observe(host.reader, id, state.lineage, state.path, { host: machine });
    const observed = withLayers(host, seen, declared.resources);
    host.lap("observe");
    const desired = weaken ? enforceable(declared.resources, observed, weaken) : declared.resources;
    const wrong = await noController(host, { ...declared, resources: desired }, observed);
    if (wrong.length > 0) throw new Failure(3, wrong);
    const plan = makePlan({
      intent: "apply",
      placement: "private",
      id,
      name: env.name,
      file: env.file,
      desired,
      observed,
    });
    const refused = await mountRules(host, machine, declared, plan);
    if (refused.length > 0) throw new Failure(3, refused);
    host.lap("plan");
    groups = groupsAfter(plan);
    const base = { ...recordBase(host, loaded, undefined), pid: host.reader.pid };
    const ended = await carryOut(host, state, plan, base, tell, { onError: "keep" });
    if (ended.kind === "failed") throw ended.error;
    if (ended.kind === "interrupted") throw failure(125, "interrupted", "interrupted");
    const resources = resultOf(plan);
    const overlay = passing(resources.find((r): r is Overlay => r.kind === "overlay")!);
    const inner = resources
      .filter((r): r is InnerMount => r.kind === "volume" || r.kind === "tmpfs")
      .sort(byTarget);
    const stack = {
      place: placeOf(state.path, id),
      tag: mountTag(state.lineage, id),
      overlay,
      inner,
      ...(observed.covering && { covering: observed.covering }),
    };
    const build = (stage: Stage): AbsPath => {
      if (overlay.upper.kind === "tmpfs")
        stage.tmpfs(stack.place.rw, { tag: stack.tag, bytes: overlay.upper.bytes, mode: 0o700 });
      if (overlay.upper.kind !== "none") makeUpper(host.files, stack.place, overlay);
      assemble(stage, host, stack);
      return stack.place.merged;
    };
    const root: LaunchRoot = { kind: "private", dir: stack.place.dir, tag: stack.tag, overlay, inner };
    done = await use({ state, id, loaded, root, groups, build });
  } catch (error) {
    // Why it failed is what has to be said; what cannot be removed now the next command's sweep takes.
    await end("removed").catch(() => undefined);
    throw error;
  }
  await end(done.fate);
  return done.used;
}

/** What is deleted in the end need not reach the disk: neither by an fsync inside, nor by the sync of a whole file system at the last unmount. */
function passing(overlay: Overlay): Overlay {
  return overlay.upper.kind === "none"
    ? overlay
    : { ...overlay, options: { ...overlay.options, volatile: true } };
}
