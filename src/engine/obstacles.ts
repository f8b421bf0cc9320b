import { claimOf } from "#guard/prove";
import { foreignMounts } from "#guard/foreign";
import { processesIn } from "#guard/groups";
import { holders } from "#guard/holders";
import { mountTag } from "#model/identity";
import { parseMountinfo } from "#model/mountinfo";
import type { Blocker, Plan, ReadyPlan } from "#model/plan";
import type { EnvRecord } from "#model/record";
import { ourOverlays } from "#plan/standing";
import { takesDown } from "#plan/plan";
import { readMountinfo } from "#observe/host";
import { namespacesWith } from "#observe/namespaces";
import type { ReadHost } from "./host.ts";

/**
 * Whatever stands in a plan's way, found before anything is changed: processes that hold what it takes down, in any namespace, and mounts
 * below ours that are not ours. Destroy stops the environment's own processes; an apply that replaces is stopped by them.
 */
export function obstruct(host: ReadHost, plan: ReadyPlan): Plan {
  const { observed, intent } = plan;
  const { record } = observed;
  if (record === undefined || observed.rebooted || !(takesDown(plan.actions) || lost(plan))) return plan;
  const tag = mountTag(observed.lineage, plan.id);
  const own = processesIn(host.reader, observed.cgroups.filter((g) => g.exists).map((g) => g.dir));
  const views = namespacesWith(host.reader, tag, own);
  const ids = new Set([...observed.mounts, ...views.flatMap((v) => v.mounts)].map((m) => m.id));
  const dev = ourOverlays(observed)[0]?.dev ?? formerDevice(readMountinfo(host.reader), record, tag);
  const found = holders(host.reader, { merged: observed.place.merged, ids, ...(dev === undefined ? {} : { dev }), own });
  const blocked = found.filter((h) => intent === "apply" || !h.own).map((h): Blocker => ({ ...h, address: `${plan.name}.overlay` }));
  const foreign = foreignMounts(host.reader, claimOf(record, observed.place.state), views);
  return blocked.length + foreign.length === 0 ? plan : { ...plan, kind: "blocked", blocked, foreign };
}

/** The device our overlay had, unless the kernel has given the number to somebody else's file system since. */
export function formerDevice(mountinfo: string, record: EnvRecord, tag: string): string | undefined {
  const dev = record.mounts[`${record.name}.overlay`]?.dev;
  if (dev === undefined) return undefined;
  const now = parseMountinfo(mountinfo, [` ${dev} `]).filter((m) => m.dev === dev);
  return now.every((m) => m.source === tag) ? dev : undefined;
}

/** The overlay is recorded and not mounted: somebody may still sit in it (a lazy unmount), and its upper must not be mounted again. */
function lost(plan: ReadyPlan): boolean {
  return plan.actions.some((a) => a.kind === "overlay" && a.op === "create" && a.because === "missing");
}
