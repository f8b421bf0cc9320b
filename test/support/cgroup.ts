// The harness's own look at cgroups, by controller: on v1, on v2 and where they are split alike. Found through mountinfo; nothing of src/ is used.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { readMounts } from "./mountinfo.ts";
import type { Project } from "./project.ts";

export type Hierarchy = {
  readonly version: 1 | 2;
  readonly point: string;
  readonly controllers: readonly string[];
};

const words = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean);

/** Every hierarchy mounted here, v1 and v2. */
export function hierarchies(): readonly Hierarchy[] {
  return readMounts().flatMap(({ type, point, options }): Hierarchy[] => {
    if (type === "cgroup2")
      return [
        { version: 2, point, controllers: words(readFileSync(join(point, "cgroup.controllers"), "utf8")) },
      ];
    return type === "cgroup" ? [{ version: 1, point, controllers: options }] : [];
  });
}

/** The hierarchy that has a controller. */
export function hierarchy(controller: string): Hierarchy {
  const found = hierarchies().find(({ controllers }) => controllers.includes(controller));
  if (found === undefined) throw new Error(`no hierarchy here has the ${controller} controller`);
  return found;
}

/** An environment's group in the hierarchy of a controller. */
export function groupOf(p: Project, name: string, controller: string): string {
  return join(hierarchy(controller).point, `envctl-${p.lineage()}`, p.id(name));
}

/** A group for --cgroup-parent in the one hierarchy of a controller; it goes with the project. */
export function parentGroup(p: Project, controller: string): string {
  const dir = join(hierarchy(controller).point, `parent-${process.pid}`);
  mkdirSync(dir);
  p.after(() => {
    p.ok(["destroy", "--all", "-y"]);
    rmdirSync(dir);
  });
  return dir;
}

export type LimitName = "memory" | "swap" | "cpuset" | "cpuset_mems" | "cpus" | "cpu_shares" | "pids";

const CONTROLLER: Readonly<Record<LimitName, string>> = {
  memory: "memory",
  swap: "memory",
  cpuset: "cpuset",
  cpuset_mems: "cpuset",
  cpus: "cpu",
  cpu_shares: "cpu",
  pids: "pids",
};

/** The control file that a limit is written to last; v1, v2. */
const FILE: Readonly<Record<LimitName, readonly [string, string]>> = {
  memory: ["memory.limit_in_bytes", "memory.max"],
  swap: ["memory.memsw.limit_in_bytes", "memory.swap.max"],
  cpuset: ["cpuset.cpus", "cpuset.cpus"],
  cpuset_mems: ["cpuset.mems", "cpuset.mems"],
  cpus: ["cpu.cfs_quota_us", "cpu.max"],
  cpu_shares: ["cpu.shares", "cpu.weight"],
  pids: ["pids.max", "pids.max"],
};

/** The path of a limit's control file in an environment's group. */
export function controlFile(p: Project, name: string, limit: LimitName): string {
  const { version } = hierarchy(CONTROLLER[limit]);
  return join(groupOf(p, name, CONTROLLER[limit]), FILE[limit][version - 1]!);
}

const PAGES_OF_V1_WITHOUT_LIMIT = 2n ** 63n - 65536n;

/** Bytes, or `max`. */
function bytes(file: string): bigint | "max" {
  const text = readFileSync(file, "utf8").trim();
  return text === "max" || BigInt(text) >= PAGES_OF_V1_WITHOUT_LIMIT ? "max" : BigInt(text);
}

/** What the kernel holds a group to: bytes (swap in addition to memory), lists, CPUs, v1 shares or v2 weight, processes; `max`: no limit. */
export function limitOf(p: Project, name: string, limit: LimitName): string {
  const file = controlFile(p, name, limit);
  const { version } = hierarchy(CONTROLLER[limit]);
  const text = readFileSync(file, "utf8").trim();
  if (limit === "memory") return `${bytes(file)}`;
  if (limit === "swap") {
    const [sum, memory] = [bytes(file), bytes(controlFile(p, name, "memory"))];
    if (version === 2 || sum === "max") return `${sum}`;
    return memory === "max" ? "max" : `${sum - memory}`;
  }
  if (limit !== "cpus") return text;
  const period = version === 1 ? readFileSync(join(file, "../cpu.cfs_period_us"), "utf8").trim() : "";
  const [quota, per] = version === 1 ? [text, period] : words(text);
  return quota === "-1" || quota === "max" ? "max" : `${Number(quota) / Number(per)}`;
}

/** A limit of shares as this machine's version counts it: v1 shares, or the weight the OCI formula makes of them. */
export function sharesHere(shares: number, weight: number): string {
  return `${hierarchy("cpu").version === 1 ? shares : weight}`;
}

/** Every group of this state directory, with those below, whatever lies in it. */
export function groupsOf(p: Project): readonly string[] {
  const walk = (dir: string): string[] => [
    dir,
    ...readdirSync(dir, { withFileTypes: true }).flatMap((e) =>
      e.isDirectory() ? walk(join(dir, e.name)) : [],
    ),
  ];
  const tops = new Set(hierarchies().map(({ point }) => join(point, `envctl-${p.lineage()}`)));
  return [...tops].filter((dir) => existsSync(dir)).flatMap(walk);
}

/** The processes in all groups of this state directory. */
export function processesOf(p: Project): readonly number[] {
  const pids = groupsOf(p).flatMap((dir) => words(readFileSync(join(dir, "cgroup.procs"), "utf8")));
  return [...new Set(pids.map(Number))];
}
