import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import { runName } from "#model/detached";
import { mountTag } from "#model/identity";
import type { Holder, Observed } from "#model/observed";
import type { Blocker, Plan, ReadyPlan } from "#model/plan";
import type { EnvRecord } from "#model/record";
import { foreignMounts } from "#guard/foreign";
import { processesIn } from "#guard/groups";
import { holders, lastingHolders } from "#guard/holders";
import { claimOf } from "#guard/claim";
import { namespacesWith } from "#observe/namespaces";
import { proc, quietly } from "#observe/proc";
import { lostOverlay, takesDown } from "#plan/reach";
import type { Reader } from "#ports/reader";
import type { ReadHost } from "./host.ts";
import { runsOf, supervisorsOf } from "./runs.ts";
import type { StateView } from "./state.ts";

/**
 * Whatever stands in a plan's way, found before anything is changed: processes that hold what it takes down, in any namespace, and mounts
 * below ours that are not ours. Destroy stops the environment's own processes; an apply that replaces is stopped by them. `processes`
 * may be those of one moment (stillProcesses) where many plans are asked about.
 */
export function obstruct(host: ReadHost, plan: ReadyPlan, processes: Reader = host.reader): Plan {
  const { observed, intent, actions } = plan;
  const { record } = observed;
  // A recorded overlay that is not mounted may still be sat in (a lazy unmount); its upper must not be mounted a second time.
  const lost = lostOverlay(plan);
  if (record === undefined && intent === "apply" && observed.mounts.length > 0) throw unrecorded(plan);
  if (observed.rebooted || !(takesDown(actions) || lost)) return plan;
  const groups = observed.cgroups.filter((g) => g.exists).map((g) => g.dir);
  const own = processesIn(host.reader, groups);
  const tag = mountTag(observed.lineage, plan.id);
  const views = namespacesWith(processes, tag, own);
  // Without a record only tag and place speak: volumes cannot be proven.
  const bare = { place: observed.place, tag, mounts: {}, resources: [], interrupted: false };
  const claim = record === undefined ? bare : claimOf(record, observed.place.state);
  const ids = new Set([...observed.mounts, ...views.flatMap((v) => v.mounts)].map((m) => m.id));
  const held = { merged: observed.place.merged, ids, ...overlayDevice(record), tag, own };
  const found = lost ? lastingHolders(host, held) : holders(processes, held);
  const supervisors = supervisorsOf(host, { path: observed.place.state }, plan.id);
  const blocked = settled(host, groups, found)
    .filter((h) => !supervisors.has(h.pid) && (intent === "apply" || !h.own))
    .map((h): Blocker => ({ ...h, address: `${plan.name}.overlay` }));
  const foreign = foreignMounts(host.reader, claim, views);
  return blocked.length + foreign.length === 0 ? plan : { ...plan, kind: "blocked", blocked, foreign };
}

/** Its record was taken away: mounting upper once more over what is there would ruin it. */
function unrecorded({ id, name, observed }: ReadyPlan): Error {
  return failure(1, "bad_record", `${name} has no record, yet something is mounted at its place`, {
    detail: observed.mounts.map((m) => m.point).join(", "),
    hint: `Put its record back (${observed.place.dir}/env.json), or take it all away: envctl destroy ${id}`,
  });
}

/** Ours fork while we look: who is in the groups by now is ours as well, and who has ended holds nothing. */
function settled(host: ReadHost, groups: readonly AbsPath[], found: readonly Holder[]): readonly Holder[] {
  if (found.every((h) => h.own)) return found;
  const now = processesIn(host.reader, groups);
  const lives = ({ pid }: Holder): boolean =>
    quietly(() => host.reader.readlink(proc(pid, "cwd"))) !== undefined;
  return found.flatMap((h) => (now.has(h.pid) ? [{ ...h, own: true }] : lives(h) ? [h] : []));
}

/** Who still sits in a recorded overlay that is mounted no longer (row F7). */
export function lingering(host: ReadHost, record: EnvRecord, observed: Observed): readonly Holder[] {
  const tag = mountTag(record.lineage, record.id);
  return lastingHolders(host, {
    merged: observed.place.merged,
    ids: new Set(),
    ...overlayDevice(record),
    tag,
    own: new Set(),
  });
}

function overlayDevice(record: EnvRecord | undefined): { readonly dev?: string } {
  const mount = record?.mounts[`${record.name}.overlay`];
  return mount === undefined ? {} : { dev: mount.dev };
}

/** A destruction that says which detached runs it ends. */
export function withEndedRuns(host: ReadHost, state: StateView, plan: ReadyPlan): ReadyPlan {
  const running = runsOf(host, state, [plan.id]).filter((run) => run.state === "running");
  if (running.length === 0) return plan;
  const names = running.map(({ record }) => runName(record)).join(", ");
  const summary = `this ends ${running.length === 1 ? "a detached run" : "detached runs"}: ${names}`;
  return { ...plan, warnings: [...plan.warnings, { severity: "warning", code: "running", summary }] };
}
