import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { cgroupDir } from "#model/identity";
import type { Hierarchy, Observed } from "#model/observed";
import type { OwnedCgroup } from "#model/record";
import type { Limit, LimitName } from "#model/resource";
import type { LimitWrite } from "#model/step";

/** Which controller enforces a limit (cgroups(7); Documentation/admin-guide/cgroup-v{1,2}). */
const CONTROLLER: Readonly<Record<LimitName, string>> = {
  memory: "memory",
  swap: "memory",
  cpuset: "cpuset",
  cpuset_mems: "cpuset",
  cpus: "cpu",
  cpu_shares: "cpu",
  pids: "pids",
};
/** v1 hierarchies that may hold processes alone, cheapest first: a group must exist, or nobody knows the environment's processes. */
const TRACKERS = ["pids", "memory", "freezer", "cpu", "cpuset"];
const PERIOD = 100_000;

/** The hierarchy that has a controller; undefined where no mounted one has it. */
function hierarchyOf(hierarchies: readonly Hierarchy[], controller: string): Hierarchy | undefined {
  return hierarchies.find((h) => h.controllers.includes(controller));
}

/** Limits that nothing mounted here can enforce (row E2). */
export function unenforceable(
  limits: readonly Limit[],
  hierarchies: readonly Hierarchy[],
): readonly { limit: Limit; controller: string }[] {
  return limits
    .map((limit) => ({ limit, controller: CONTROLLER[limit.name] }))
    .filter(({ controller }) => hierarchyOf(hierarchies, controller) === undefined);
}

/** The groups an environment needs: one in each hierarchy that limits it, one to know its processes by where nothing does. */
export function groupsFor(
  limits: readonly Limit[],
  hierarchies: readonly Hierarchy[],
  lineage: Lineage,
  id: EnvId,
): readonly OwnedCgroup[] {
  const needed = new Map<AbsPath, { hierarchy: Hierarchy; controllers: Set<string> }>();
  const add = (hierarchy: Hierarchy, controller?: string): void => {
    const group = needed.get(hierarchy.mount) ?? { hierarchy, controllers: new Set() };
    if (controller !== undefined) group.controllers.add(controller);
    needed.set(hierarchy.mount, group);
  };
  for (const { name } of limits) {
    const hierarchy = hierarchyOf(hierarchies, CONTROLLER[name]);
    if (hierarchy !== undefined) add(hierarchy, CONTROLLER[name]);
  }
  if (needed.size === 0) {
    const tracker = TRACKERS.find((c) => hierarchyOf(hierarchies, c) !== undefined);
    const hierarchy = tracker === undefined ? hierarchies[0] : hierarchyOf(hierarchies, tracker)!;
    if (hierarchy !== undefined) add(hierarchy, hierarchy.version === 1 ? tracker : undefined);
  }
  return [...needed.values()].map(({ hierarchy, controllers }) => ({
    dir: cgroupDir(hierarchy.base ?? hierarchy.mount, lineage, id),
    version: hierarchy.version,
    controllers: [...controllers],
  }));
}

/** Rounding to pages and the kernel's clamps are not drift (rows E4, E9). */
export function limitStands(limit: Limit, shown: string): boolean {
  if (limit.value === shown) return true;
  const [want, have] = [Number(limit.value), Number(shown)];
  switch (limit.name) {
    case "memory":
    case "swap":
      return Math.floor(want / 4096) * 4096 === have || Math.abs(want - have) < 65536;
    case "cpu_shares":
      return have === Math.min(262144, Math.max(2, want)) || weightOf(have) === weightOf(want);
    case "cpus":
      return Math.abs(want - have) < 0.001;
    default:
      return false;
  }
}

/** OCI's conversion of v1 shares to a v2 weight: 1024 → 100, 512 → 59, 2 → 1. */
export function weightOf(shares: number): number {
  const l = Math.log2(Math.min(262144, Math.max(2, shares)));
  return Math.min(10000, Math.max(1, Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34))));
}

/** What the memory files hold, or shall hold. Undefined: no limit. */
type Memory = { readonly memory?: string; readonly swap?: string };

/**
 * The writes that make a limit so; undefined value: take it away. `was` and `now` are all memory values before and after, since v1's memsw
 * is the sum of two limits and may never be below the first: whichever order keeps that true is chosen.
 */
export function limitWrites(
  name: LimitName,
  value: string | undefined,
  groups: readonly OwnedCgroup[],
  was: Memory,
  now: Memory,
): readonly LimitWrite[] {
  const group = groups.find((g) => g.controllers.includes(CONTROLLER[name]));
  if (group === undefined) return [];
  const write = (file: string, text: string): LimitWrite => ({ dir: group.dir, file, value: text });
  const v1 = group.version === 1;
  switch (name) {
    case "memory":
      return v1 ? memoryWritesV1(write, was, now) : [write("memory.max", value ?? "max")];
    case "swap":
      return v1 ? memoryWritesV1(write, was, now) : [write("memory.swap.max", value ?? "max")];
    case "cpuset":
      return [write("cpuset.cpus", value ?? "")];
    case "cpuset_mems":
      return [write("cpuset.mems", value ?? "")];
    case "cpus": {
      const quota = value === undefined ? undefined : Math.max(1000, Math.round(Number(value) * PERIOD));
      if (!v1) return [write("cpu.max", `${quota ?? "max"} ${PERIOD}`)];
      return [write("cpu.cfs_period_us", `${PERIOD}`), write("cpu.cfs_quota_us", `${quota ?? -1}`)];
    }
    case "cpu_shares":
      return v1
        ? [write("cpu.shares", value ?? "1024")]
        : [write("cpu.weight", `${value === undefined ? 100 : weightOf(Number(value))}`)];
    case "pids":
      return [write("pids.max", value ?? "max")];
  }
}

function memoryWritesV1(
  write: (file: string, text: string) => LimitWrite,
  was: Memory,
  now: Memory,
): readonly LimitWrite[] {
  const limit = write("memory.limit_in_bytes", now.memory ?? "-1");
  const sum =
    now.memory !== undefined && now.swap !== undefined ? `${BigInt(now.memory) + BigInt(now.swap)}` : "-1";
  const before =
    was.memory !== undefined && was.swap !== undefined ? BigInt(was.memory) + BigInt(was.swap) : undefined;
  if (sum === "-1" && before === undefined) return [limit];
  const memsw = write("memory.memsw.limit_in_bytes", sum);
  const raisedFirst =
    before !== undefined && (now.memory === undefined || BigInt(now.memory) > before || sum === "-1");
  return raisedFirst ? [memsw, limit] : [limit, memsw];
}

/** Memory values a set of limits declares. */
export function memoryOf(limits: readonly Limit[]): Memory {
  const value = (name: LimitName): string | undefined => limits.find((l) => l.name === name)?.value;
  const [memory, swap] = [value("memory"), value("swap")];
  return { ...(memory === undefined ? {} : { memory }), ...(swap === undefined ? {} : { swap }) };
}

/** Memory values the kernel shows now. */
export function memoryNow(observed: Observed): Memory {
  const values =
    observed.cgroups.find((g) => g.exists && (g.values.memory !== undefined || g.values.swap !== undefined))
      ?.values ?? {};
  return {
    ...(values.memory === undefined ? {} : { memory: values.memory }),
    ...(values.swap === undefined ? {} : { swap: values.swap }),
  };
}
