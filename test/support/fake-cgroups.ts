import type { AbsPath } from "#model/brand";
import { isWithin, join, parentOf } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Cgroups } from "#ports/cgroups";
import type { FakeWorld } from "./fake-reader.ts";

const UNLIMITED = "9223372036854771712\n";
/** What a new group holds, by controller: v1, then v2. */
const CONTROL: Readonly<
  Record<string, readonly [Readonly<Record<string, string>>, Readonly<Record<string, string>>]>
> = {
  memory: [
    {
      "memory.limit_in_bytes": UNLIMITED,
      "memory.memsw.limit_in_bytes": UNLIMITED,
      "memory.usage_in_bytes": "0\n",
    },
    { "memory.max": "max\n", "memory.swap.max": "max\n", "memory.current": "0\n" },
  ],
  cpuset: [
    { "cpuset.cpus": "\n", "cpuset.mems": "\n" },
    { "cpuset.cpus": "\n", "cpuset.mems": "\n" },
  ],
  cpu: [
    { "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n", "cpu.shares": "1024\n" },
    { "cpu.max": "max 100000\n", "cpu.weight": "100\n" },
  ],
  pids: [{ "pids.max": "max\n" }, { "pids.max": "max\n" }],
};

/** Mounts a hierarchy; its root group holds CPUs 0-1 and node 0 where it has cpuset. */
export function mountHierarchy(
  { disk }: FakeWorld,
  point: string,
  controllers: readonly string[],
  version: 1 | 2,
): void {
  const dev = `0:${disk.number()}`;
  const type = version === 1 ? "cgroup" : "cgroup2";
  disk.dir(point);
  disk.newFileSystem(dev, 0o755);
  disk.mount({
    dev,
    root: "/",
    point,
    type,
    source: type,
    superOptions: ["rw", ...(version === 1 ? controllers : [])],
  });
  furnish({ disk }, point as AbsPath, version, controllers, true);
  if (!controllers.includes("cpuset")) return;
  disk.file(`${point}/cpuset.cpus`, "0-1\n");
  disk.file(`${point}/cpuset.mems`, "0\n");
}

function furnish(
  { disk }: Pick<FakeWorld, "disk">,
  dir: AbsPath,
  version: 1 | 2,
  controllers: readonly string[],
  root = false,
): void {
  const v2 = {
    // What only groups below the root of all have (cgroup-v2.rst).
    ...(root ? {} : { "cgroup.type": "domain\n" }),
    "cgroup.events": "",
    "cgroup.kill": "",
    "cgroup.controllers": `${controllers.join(" ")}\n`,
    "cgroup.subtree_control": "\n",
  };
  const files: Readonly<Record<string, string>> = Object.assign(
    { "cgroup.procs": "" },
    version === 2 ? v2 : {},
    ...controllers.map((c) => CONTROL[c]?.[version - 1] ?? {}),
  );
  for (const [name, text] of Object.entries(files)) disk.file(join(dir, name), text);
}

/** `+c` and `-c`: groups in it gain a controller's files, or lose them. A group below the root must hold no process. */
function handDown({ disk, processes }: FakeWorld, dir: AbsPath, value: string): void {
  const node = disk.node(join(dir, "cgroup.subtree_control"))!;
  const populated = [...processes.values()].some((p) => p.groups.includes(dir));
  if (populated && disk.node(join(dir, "cgroup.type")) !== undefined)
    throw new KernelError(`write("${dir}/cgroup.subtree_control", "${value}")`, "EBUSY");
  const on = new Set(node.text.split(/\s+/).filter(Boolean));
  const children = disk.names(dir).map((name) => join(dir, name));
  const groups = children.filter((child) => disk.node(child)?.type === "dir");
  for (const [sign, ...rest] of value.split(" ")) {
    const controller = rest.join("");
    if (sign === "+") on.add(controller);
    else on.delete(controller);
    for (const [name, text] of Object.entries(CONTROL[controller]?.[1] ?? {})) {
      for (const file of groups.map((group) => join(group, name))) {
        if (sign === "-") disk.nodes.delete(disk.keys(file)[0]!);
        else if (disk.node(file) === undefined) disk.file(file, text);
      }
    }
  }
  node.text = `${[...on].join(" ")}\n`;
  for (const group of groups) disk.file(join(group, "cgroup.controllers"), node.text);
}

/** `note` is told of every call before it is carried out. */
export function fakeCgroups(world: FakeWorld, note: (line: string) => void): Cgroups {
  const { disk, processes } = world;
  return {
    create: (dir) => {
      note(`cgroup.create ${dir}`);
      const { mount } = disk.where(dir);
      if (!mount.type.startsWith("cgroup")) throw new KernelError(`statfs("${dir}")`, "ENODEV");
      if (disk.node(dir) !== undefined) return false;
      const handedDown = disk
        .node(join(parentOf(dir), "cgroup.subtree_control"))
        ?.text.trim()
        .split(" ")
        .filter(Boolean);
      disk.dir(dir);
      furnish(world, dir, mount.type === "cgroup" ? 1 : 2, handedDown ?? mount.superOptions.slice(1));
      return true;
    },
    write: (dir, file, value) => {
      const path = join(dir, file);
      note(`cgroup.write ${path} ${value.trim()}`);
      const node = disk.node(path);
      if (node === undefined) throw new KernelError(`openat("${path}")`, "ENOENT");
      if (file === "cgroup.kill") {
        for (const [pid, p] of processes) if (p.groups.some((g) => isWithin(dir, g))) processes.delete(pid);
      } else if (file === "cgroup.subtree_control") handDown(world, dir, value);
      else if (file === "cgroup.procs") {
        const process = processes.get(Number(value));
        if (process === undefined) throw new KernelError(`write("${path}")`, "ESRCH");
        const { mount } = disk.where(dir);
        process.groups = [...process.groups.filter((g) => disk.where(g).mount !== mount), dir];
      } else node.text = value === "-1" && file.startsWith("memory") ? UNLIMITED : `${value.trim()}\n`;
    },
    remove: (dir) => {
      note(`cgroup.remove ${dir}`);
      const children = disk.names(dir).map((name) => join(dir, name));
      const busy =
        children.some((c) => disk.node(c)?.type === "dir") ||
        [...processes.values()].some((p) => p.groups.includes(dir));
      if (busy) throw new KernelError(`unlinkat("${dir}", AT_REMOVEDIR)`, "EBUSY");
      for (const gone of [...children, dir]) disk.nodes.delete(disk.keys(gone)[0]!);
    },
    kill: (pid) => {
      note(`kill ${pid}`);
      processes.delete(pid);
    },
    pause: () => undefined,
  };
}
