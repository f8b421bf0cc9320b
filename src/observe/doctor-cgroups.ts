import { type AbsPath, join } from "#model/brand";
import type { Check } from "#model/doctor";
import type { Hierarchy } from "#model/observed";
import type { Reader } from "#ports/reader";
import { readMountinfo } from "./host.ts";
import { readHierarchies } from "./hierarchies.ts";

const WHAT: Readonly<Record<string, string>> = {
  memory: "limits.memory and swap",
  cpuset: "limits.cpuset and cpuset_mems",
  cpu: "limits.cpus and cpu_shares",
  pids: "limits.pids",
};

/** Each controller on its own: they may be on v1, on v2, or split. */
export function cgroupChecks(reader: Reader): readonly Check[] {
  const hierarchies = readHierarchies(reader, readMountinfo(reader));
  const each = Object.entries(WHAT).map(([controller, what]) =>
    controllerCheck(reader, hierarchies, controller, what),
  );
  return [layout(hierarchies), ...each, swap(reader, hierarchies), killing(hierarchies)];
}

function layout(hierarchies: readonly Hierarchy[]): Check {
  const name = "cgroups";
  const [v1, v2] = [1, 2].map((version) =>
    hierarchies.filter((h) => h.version === version && h.controllers.length > 0),
  );
  if (v1!.length + v2!.length === 0) {
    return {
      name,
      status: "no",
      found: "no hierarchy with a controller is mounted",
      effect: "no limit can be set",
      fix: "mount -t cgroup2 none /sys/fs/cgroup",
    };
  }
  const found = v2!.length === 0 ? "v1" : v1!.length === 0 ? "v2" : "v1 and v2 (hybrid)";
  return { name, status: "yes", found };
}

function controllerCheck(
  reader: Reader,
  hierarchies: readonly Hierarchy[],
  controller: string,
  what: string,
): Check {
  const name = `cgroup.${controller}`;
  const hierarchy = hierarchies.find((h) => h.controllers.includes(controller));
  if (hierarchy === undefined) {
    const known = new RegExp(`^${controller}\\t`, "m").test(reader.textAny("/proc/cgroups" as AbsPath) ?? "");
    const fix = known
      ? `cgroup_enable=${controller} on the kernel's command line, or hand it down in cgroup.subtree_control`
      : "a kernel with this controller";
    return {
      name,
      status: "no",
      found: "on no mounted hierarchy",
      effect: `${what} are refused at plan`,
      fix,
    };
  }
  const { mount, version } = hierarchy;
  const readOnly = isReadOnly(reader, mount);
  if (readOnly) {
    return {
      name,
      status: "no",
      found: `v${version}, ${mount}, read-only`,
      effect: `${what} cannot be set`,
      fix: `mount -o remount,rw ${mount}`,
    };
  }
  return { name, status: "yes", found: `v${version}, ${mount}` };
}

function isReadOnly(reader: Reader, mount: AbsPath): boolean {
  const line = readMountinfo(reader)
    .split("\n")
    .find((l) => l.split(" ")[4] === mount);
  return line?.split(" ")[5]?.split(",").includes("ro") ?? false;
}

function swap(reader: Reader, hierarchies: readonly Hierarchy[]): Check {
  const name = "swap_accounting";
  const memory = hierarchies.find((h) => h.controllers.includes("memory"));
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

function killing(hierarchies: readonly Hierarchy[]): Check {
  const name = "cgroup_kill";
  const v2 = hierarchies.some((h) => h.version === 2 && h.controllers.length > 0);
  if (v2) return { name, status: "yes", found: "whole groups at once (cgroup.kill)" };
  return {
    name,
    status: "degraded",
    found: "v1 only",
    effect: "destroy kills processes one by one until their group is empty",
    fix: "boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)",
  };
}
