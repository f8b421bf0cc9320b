import type { Observed } from "#model/observed";
import type { Action } from "#model/plan";
import type { OwnedCgroup } from "#model/record";
import type { Resource } from "#model/resource";

/** Of the group that holds an environment's processes. */
export const groupAddress = (name: string): string => `${name}.cgroup`;

/** A recorded group that somebody removed. Where it held limits they are missing, which says it already. */
export function lostGroup(
  { record, cgroups, rebooted }: Observed,
  resources: readonly Resource[],
): OwnedCgroup | undefined {
  if (record === undefined || rebooted || resources.some((r) => r.kind === "limit")) return undefined;
  return record.cgroups.find((owned) => cgroups.some((g) => g.dir === owned.dir && !g.exists));
}

/** Makes a lost group anew. */
export function decideGroup(name: string, lost: OwnedCgroup | undefined): readonly Action[] {
  if (lost === undefined) return [];
  const [kind, address] = ["cgroup" as const, groupAddress(name)];
  return [{ op: "create", because: "missing", address, kind, after: { kind, address, path: lost.dir } }];
}
