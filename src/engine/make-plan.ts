import { join } from "#model/brand";
import type { Diagnostic } from "#model/diagnostic";
import { failure } from "#model/diagnostic";
import type { Issue } from "#model/facts";
import type { Host, Observed } from "#model/observed";
import type { ReadyPlan } from "#model/plan";
import type { EnvRecord } from "#model/record";
import { storedLayers, type Limit, type LimitName, type Resource } from "#model/resource";
import { observe } from "#observe/observe";
import { measureUpper } from "#observe/upper";
import { unenforceable } from "#plan/limits";
import { plan } from "#plan/plan";
import { canBeBlocked, mountsAnew } from "#plan/reach";
import type { ReadHost } from "./host.ts";
import type { Declared, EnvFile } from "./load.ts";
import { declare, isDiagnostics, point } from "./load.ts";
import type { Planned } from "./planned.ts";
import { recordOf, UNBORN } from "./state.ts";
import type { StateView } from "./state.ts";

/** A file's plan, or everything that is wrong with the file. */
export async function planApply(
  host: ReadHost,
  state: StateView,
  machine: Host,
  env: EnvFile,
): Promise<Planned | readonly Diagnostic[]> {
  const record = recordOf(host, state, env.id);
  const declared = await declare(host, env, record);
  if (isDiagnostics(declared)) return declared;
  const observed = withLayers(host, look(host, state, machine, env, record), declared.resources);
  host.lap("observe");
  settledElsewhere(host, env.name, observed);
  const wrong = await noController(host, declared, observed);
  if (wrong.length > 0) return wrong;
  const ready = plan({
    intent: "apply",
    placement: "host",
    id: env.id,
    name: env.name,
    file: env.file,
    desired: declared.resources,
    entry: declared.loaded.spec.entry,
    observed,
  });
  const rules = mountsAnew(ready.actions) ? await import("./rules.ts") : undefined;
  const refused = (await rules?.mountRules(host, machine, declared, ready)) ?? [];
  if (refused.length > 0) return refused;
  const replaces = ready.actions.some((a) => a.kind === "overlay" && a.op === "replace");
  const whole = replaces ? measured(host, ready) : ready;
  const free = canBeBlocked(whole) ? (await import("./obstacles.ts")).obstruct(host, whole) : whole;
  host.lap("plan");
  return { declared, plan: free };
}

/** What destroying comes to, from the record alone. */
export function planDestroy(host: ReadHost, state: StateView, machine: Host, record: EnvRecord): ReadyPlan {
  const observed = look(host, state, machine, record, record);
  host.lap("observe");
  return measured(
    host,
    plan({
      intent: "destroy",
      placement: "host",
      id: record.id,
      name: record.name,
      file: record.file,
      desired: [],
      observed,
    }),
  );
}

/** With what was written inside counted: what is kept, or lost. */
export function measured(host: ReadHost, ready: ReadyPlan): ReadyPlan {
  const { observed } = ready;
  return observed.upperUsed
    ? { ...ready, observed: { ...observed, upperUse: measureUpper(host.reader, observed.place.upper) } }
    : ready;
}

/** Which of the stored layers that are declared are not there yet. */
export function withLayers(host: ReadHost, observed: Observed, resources: readonly Resource[]): Observed {
  const absent = storedLayers(resources).filter(({ path }) => host.reader.lstat(path) === undefined);
  return absent.length === 0 ? observed : { ...observed, absentLayers: absent.map(({ path }) => path) };
}

/** Looks at an environment. Mounted in another, living namespace it is left alone: the same upper must not be mounted twice (row F22). */
export function look(
  host: ReadHost,
  state: StateView,
  machine: Host,
  env: { readonly id: EnvFile["id"]; readonly name: string },
  record: EnvRecord | undefined,
): Observed {
  const observed = observe(host.reader, env.id, state.lineage ?? UNBORN, state.path, {
    host: machine,
    ...(record === undefined ? {} : { record }),
  });
  const { elsewhere } = observed;
  if (elsewhere?.alive === undefined) return observed;
  const { pid, command } = elsewhere.alive;
  const enter = pid > 0 ? `nsenter -t ${pid} -m envctl -C ${host.cwd} …` : undefined;
  throw failure(1, "elsewhere", `${env.name} is applied in another mount namespace`, {
    detail: `namespace ${elsewhere.namespace}, ${pid > 0 ? `where process ${pid} (${command}) lives` : command}`,
    hint:
      enter === undefined
        ? "Work from within that namespace."
        : `Work from within it (${enter}), or end it; then it is rebuilt here.`,
  });
}

/** Groups are never moved: their processes would be limited by both places meanwhile. @throws Failure conflict */
function settledElsewhere({ cgroupParent }: ReadHost, name: string, { hierarchies }: Observed): void {
  if (cgroupParent === undefined) return;
  const other = hierarchies.find(({ mount, base = mount }) => base !== join(mount, cgroupParent));
  if (other === undefined) return;
  throw failure(
    3,
    "conflict",
    `--cgroup-parent ${cgroupParent}: the cgroups of ${name} are in ${other.base ?? other.mount}`,
    {
      hint: `Leave the option out, or move them: envctl destroy ${name}, then apply again.`,
    },
  );
}

/** Without the limits that nothing here enforces; `tell` hears which those are. */
export function enforceable(
  resources: readonly Resource[],
  { hierarchies }: Observed,
  tell: (limits: readonly LimitName[]) => void,
): readonly Resource[] {
  const limits = resources.filter((r): r is Limit => r.kind === "limit");
  const lost = unenforceable(limits, hierarchies).map(({ limit }) => limit);
  if (lost.length > 0) tell(lost.map(({ name }) => name));
  return resources.filter((r) => !(lost as readonly Resource[]).includes(r));
}

/** Why nothing enforces a limit. */
function without(
  { reader }: ReadHost,
  controller: string,
  { hierarchies }: Observed,
): Pick<Issue, "summary" | "detail"> {
  if (reader.rootless !== undefined) {
    return {
      summary: `cannot be enforced: no cgroup with the ${controller} controller belongs to this user`,
      detail: "where systemd and cgroup v2 are: systemd-run --user --scope -p Delegate=yes envctl run …",
    };
  }
  const below = hierarchies.find((h) => h.version === 2 && h.base !== undefined);
  if (below === undefined) {
    return {
      summary: `cannot be enforced: no cgroup hierarchy with the ${controller} controller is mounted`,
      detail: "see /proc/self/mountinfo for what is mounted, /proc/cgroups for what the kernel has",
    };
  }
  return {
    summary: `cannot be enforced: the ${controller} controller is not handed down to ${below.base}`,
    detail: `what is: ${below.controllers.join(" ") || "nothing"} (its cgroup.controllers)`,
  };
}

/** Limits that no hierarchy mounted here can enforce, each pointed at (row E2). */
export async function noController(
  host: ReadHost,
  { loaded, resources }: Declared,
  observed: Observed,
): Promise<readonly Diagnostic[]> {
  const limits = resources.filter((r): r is Limit => r.kind === "limit");
  const issues = unenforceable(limits, observed.hierarchies).map(({ limit, controller }): Issue => ({
    path: ["limits", limit.name],
    severity: "error",
    code: "no_controller",
    ...without(host, controller, observed),
  }));
  return issues.length === 0 ? [] : point(host, loaded, issues);
}
