import type { AbsPath } from "#model/brand";
import { Failure, failure } from "#model/diagnostic";
import { mountTag, placeOf } from "#model/identity";
import type { Ending, LaunchRoot } from "#model/launch";
import type { OomReport } from "#model/outcome";
import type { Plan } from "#model/plan";
import { isSettled } from "#model/plan";
import type { OwnedCgroup } from "#model/record";
import { byTarget, type InnerMount, type Overlay } from "#model/resource";
import { assemble, makeUpper } from "#execute/assemble";
import { launchSpec, start } from "#launch/launch";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { groupsAfter, resultOf } from "#plan/lower";
import { plan as makePlan } from "#plan/plan";
import type { Stage } from "#ports/mounts";
import { recordBase } from "./base.ts";
import type { Told } from "./carry-out.ts";
import { carryOut } from "./carry-out.ts";
import type { WriteHost } from "./host.ts";
import type { EnvFile, Loaded } from "./load.ts";
import { declare, isDiagnostics, withValues } from "./load.ts";
import { limitLine } from "./limit-line.ts";
import { noController, planApply, withLayers } from "./make-plan.ts";
import { checkBeforeFirstUse } from "./plan.ts";
import { runGroups } from "./run-groups.ts";
import { mountRules } from "./rules.ts";
import type { OpenState } from "./state.ts";
import { freeInstance, hold, openState, recordOf } from "./state.ts";
import { keepInstance, removeInstance, sweep } from "./sweep.ts";

export type RunOptions = {
  /** Replaces the file's. */
  readonly command?: readonly string[];
  /** Apply also what replaces or deletes. */
  readonly yes: boolean;
  readonly keepOnFailure: boolean;
  /** Told of every step that is carried out before the entry starts. */
  readonly tell: Told;
};

export type Ran = { readonly ending: Ending; readonly oom?: OomReport; readonly kept?: string };

/** Runs in the applied environment; applies first what only creates or updates. @throws Failure 125, 126, 127 */
export async function runApplied(host: WriteHost, env: EnvFile, options: RunOptions): Promise<Ran> {
  await checkBeforeFirstUse(host, [env]);
  const state = openState(host);
  const lock = await hold(host, state, env.id);
  let running: Promise<Ran>;
  try {
    sweep(host, state);
    const { loaded, plan } = await applied(host, state, env, options);
    const base = groupsAfter(plan);
    const group = runGroups(host, base);
    try {
      const merged = plan.observed.place.merged;
      running = launch(
        host,
        loaded,
        options,
        { kind: "applied", merged },
        group.cgroups,
        plan.id,
        () => merged,
      ).finally(() => group.remove());
    } catch (error) {
      group.remove();
      throw error;
    }
  } finally {
    lock.release(); // nothing is held while the entry runs
  }
  return running;
}

/** The environment as declared, its harmless changes carried out. */
async function applied(
  host: WriteHost,
  state: OpenState,
  env: EnvFile,
  { yes, tell }: RunOptions,
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

/** Runs in an instance of its own that is gone afterwards, whatever happens. @throws Failure 125, 126, 127 */
export async function runThrowaway(host: WriteHost, env: EnvFile, options: RunOptions): Promise<Ran> {
  await checkBeforeFirstUse(host, [env]);
  const state = openState(host);
  sweep(host, state);
  const record = recordOf(host, state, env.id);
  const declared = await declare(host, env, record);
  if (isDiagnostics(declared)) throw new Failure(3, declared);
  const loaded = await withValues(host, declared.loaded);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  const { id, lock } = freeInstance(host, state, env.id);
  let kept = false;
  let groups: readonly OwnedCgroup[] | undefined;
  try {
    const seen = observe(host.reader, id, state.lineage, state.path, { host: machine });
    const observed = withLayers(host, seen, declared.resources);
    host.lap("observe");
    const wrong = await noController(host, declared, observed);
    if (wrong.length > 0) throw new Failure(3, wrong);
    const plan = makePlan({
      intent: "apply",
      placement: "private",
      id,
      name: env.name,
      file: env.file,
      desired: declared.resources,
      observed,
    });
    const refused = await mountRules(host, machine, declared, plan);
    if (refused.length > 0) throw new Failure(3, refused);
    host.lap("plan");
    groups = groupsAfter(plan);
    const base = { ...recordBase(host, loaded, undefined), pid: host.reader.pid };
    const ended = await carryOut(host, state, plan, base, options.tell, { onError: "keep" });
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
    const ran = await launch(host, loaded, options, root, groups, id, build);
    kept = options.keepOnFailure && !("code" in ran.ending && ran.ending.code === 0);
    if (kept) return { ...ran, kept: stack.place.dir };
    const removed = { name: id.replace(env.id, env.name), keepable: !options.keepOnFailure };
    return ran.oom === undefined ? ran : { ...ran, oom: { ...ran.oom, removed } };
  } finally {
    if (kept) keepInstance(host, state, id);
    else removeInstance(host, state, id, groups);
    lock.release();
  }
}

/** What is deleted in the end need not reach the disk: neither by an fsync inside, nor by the sync of a whole file system at the last unmount. */
function passing(overlay: Overlay): Overlay {
  return overlay.upper.kind === "none"
    ? overlay
    : { ...overlay, options: { ...overlay.options, volatile: true } };
}

function launch(
  host: WriteHost,
  loaded: Loaded,
  options: RunOptions,
  root: LaunchRoot,
  cgroups: readonly OwnedCgroup[],
  id: Plan["id"],
  build: (stage: Stage) => AbsPath,
): Promise<Ran> {
  const command = options.command ?? loaded.spec.entry.command;
  if (command === undefined) {
    throw failure(125, "no_command", `${loaded.name} declares no entry.command`, {
      hint: `Give one: envctl run ${loaded.display} -- COMMAND`,
    });
  }
  const caller = { variable: host.variable, terminal: host.terminal };
  const { reader } = host;
  const spec = launchSpec(loaded.spec.entry, { id, root, cgroups, command, caller, reader });
  const started = start(host, spec, build);
  host.lap("launch");
  const done = host.onSignal(started.deliver);
  return started.outcome
    .then(async ({ ending, oom }) => {
      host.lap("entry");
      return {
        ending,
        ...(oom === undefined ? {} : { oom: { ...oom, ...(await limitLine(host, loaded)) } }),
      };
    })
    .finally(done);
}
