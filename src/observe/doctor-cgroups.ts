import { type AbsPath, join } from "#model/brand";
import type { Check } from "#model/doctor";
import type { Hierarchy } from "#model/observed";
import type { Reader } from "#ports/reader";
import { readMountinfo } from "./host.ts";
import { delegatedHierarchies } from "./hierarchies.ts";

const WHAT: Readonly<Record<string, string>> = {
  memory: "limits.memory and swap",
  cpuset: "limits.cpuset and cpuset_mems",
  cpu: "limits.cpus and cpu_shares",
  pids: "limits.pids",
};

/** Each controller on its own: they may be on v1, on v2, or split. */
export function cgroupChecks(reader: Reader): readonly Check[] {
  const hierarchies = delegatedHierarchies(reader, readMountinfo(reader));
  const each = Object.entries(WHAT).map(([controller, what]) =>
    controllerCheck(reader, hierarchies, controller, what),
  );
  return [layout(hierarchies), ...each, swap(reader, hierarchies), killing(reader, hierarchies)];
}

const having = (hierarchies: readonly Hierarchy[], controller: string): Hierarchy | undefined =>
  hierarchies.find((h) => h.controllers.includes(controller));

/** Where our groups would be made. */
const placeOf = ({ base, mount }: Hierarchy): AbsPath => base ?? mount;

function layout(hierarchies: readonly Hierarchy[]): Check {
  const name = "cgroups";
  const versions = new Set(hierarchies.filter((h) => h.controllers.length > 0).map((h) => h.version));
  if (versions.size === 0) {
    return {
      name,
      status: "no",
      found: "no hierarchy with a controller is mounted",
      effect: "no limit can be set",
      fix: "mount -t cgroup2 none /sys/fs/cgroup",
    };
  }
  const found = versions.size === 2 ? "v1 and v2 (hybrid)" : `v${[...versions].join()}`;
  const delegated = hierarchies.find((h) => h.base !== undefined);
  const where = delegated === undefined ? "" : `, delegated to this unit: ${placeOf(delegated)}`;
  return { name, status: "yes", found: `${found}${where}` };
}

function controllerCheck(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  controller: string,
  what: string,
): Check {
  const name = `cgroup.${controller}`;
  const hierarchy = having(hierarchies, controller);
  if (hierarchy === undefined)
    return { name, status: "no", ...absent(reader, hierarchies, controller, what) };
  const place = placeOf(hierarchy);
  const found = `v${hierarchy.version}, ${place}`;
  const effect = `${what} cannot be set`;
  if (isReadOnly(reader, hierarchy.mount)) {
    const fix = `mount -o remount,rw ${hierarchy.mount}`;
    return { name, status: "no", found: `${found}, read-only`, effect, fix };
  }
  if (!mayMakeGroups(reader, place)) {
    const fix =
      "run envctl as root, or on v2 where a subtree is yours: systemd-run --user --scope -p Delegate=yes";
    return { name, status: "no", found: `${found}, which belongs to somebody else`, effect, fix };
  }
  return { name, status: "yes", found };
}

/** Not mounted, not in this kernel, or not handed down to where our groups would be. */
function absent(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  controller: string,
  what: string,
): Pick<Check, "found" | "effect" | "fix"> {
  const effect = `${what} are refused at plan`;
  const delegated = hierarchies.find((h) => h.base !== undefined);
  if (delegated !== undefined) {
    const fix = `write +${controller} to cgroup.subtree_control of the groups above it`;
    return { found: `not handed down to ${placeOf(delegated)}`, effect, fix };
  }
  const known = new RegExp(`^${controller}\\t`, "m").test(reader.textAny("/proc/cgroups" as AbsPath) ?? "");
  const fix = known
    ? `cgroup_enable=${controller} on the kernel's command line, or hand it down in cgroup.subtree_control`
    : "a kernel with this controller";
  return { found: "on no mounted hierarchy", effect, fix };
}

/** What the owner may; root may all that has an owner in its user namespace (user_namespaces(7)): others show as 65534. */
function mayMakeGroups(reader: Reader, place: AbsPath): boolean {
  const owner = reader.stat(place)?.uid;
  return owner === reader.uid || (reader.uid === 0 && owner !== 65534);
}

function isReadOnly(reader: Reader, mount: AbsPath): boolean {
  const line = readMountinfo(reader)
    .split("\n")
    .find((l) => l.split(" ")[4] === mount);
  return line?.split(" ")[5]?.split(",").includes("ro") ?? false;
}

function swap(reader: Reader, hierarchies: readonly Hierarchy[]): Check {
  const name = "swap_accounting";
  const memory = having(hierarchies, "memory");
  const none = {
    name,
    status: "degraded",
    effect: "limits.swap cannot be enforced",
    fix: "swapaccount=1 on the kernel's command line",
  } as const;
  if (memory === undefined) return { ...none, found: "no memory controller" };
  if (memory.version === 1) {
    const there = reader.stat(join(memory.mount, "memory.memsw.limit_in_bytes")) !== undefined;
    return there
      ? { name, status: "yes", found: "memory.memsw" }
      : { ...none, found: "no memory.memsw files" };
  }
  // The root group has no memory.swap.max: any group below shows whether there is one.
  const groups = (reader.listAny(memory.mount) ?? []).filter(
    (n) => reader.stat(join(memory.mount, n))?.type === "dir",
  );
  if (groups.length === 0) return { name, status: "yes", found: "assumed: no group to look into" };
  const there = groups.some((n) => reader.stat(join(memory.mount, n, "memory.swap.max")) !== undefined);
  const limited = groups.some((n) => reader.stat(join(memory.mount, n, "memory.max")) !== undefined);
  return there || !limited
    ? { name, status: "yes", found: "memory.swap.max" }
    : { ...none, found: "no memory.swap.max" };
}

/** An environment's processes are in the group that counts them, limits or not. */
function killing(reader: Reader, hierarchies: readonly Hierarchy[]): Check {
  const name = "cgroup_kill";
  const effect = "destroy kills processes one by one until their group is empty";
  const group = having(hierarchies, "pids") ?? hierarchies.find((h) => h.controllers.length > 0);
  if (group?.version !== 2) {
    const fix = "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)";
    return { name, status: "degraded", found: group === undefined ? "no cgroups" : "v1 only", effect, fix };
  }
  // The root group has no cgroup.kill: any group below shows whether there is one.
  const groups = (reader.listAny(group.mount) ?? []).map((n) => join(group.mount, n));
  const [some] = groups.filter((dir) => reader.stat(join(dir, "cgroup.procs")) !== undefined);
  if (some === undefined || reader.stat(join(some, "cgroup.kill")) !== undefined)
    return { name, status: "yes", found: "whole groups at once (cgroup.kill)" };
  return { name, status: "degraded", found: "no cgroup.kill", effect, fix: "a kernel of 5.14 or later" };
}
