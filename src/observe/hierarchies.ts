import { type AbsPath, join } from "#model/brand";
import { failure } from "#model/diagnostic";
import { parseMountinfo } from "#model/mountinfo";
import type { Hierarchy, MountEntry } from "#model/observed";
import type { Reader } from "#ports/reader";
import { proc, quietly } from "./proc.ts";

/** Mount options of cgroup v1 that name no controller (cgroup1_fs_parameters in kernel/cgroup/cgroup-v1.c). */
const FLAGS = new Set([
  "rw",
  "ro",
  "all",
  "none",
  "noprefix",
  "clone_children",
  "cpuset_v2_mode",
  "xattr",
  "favordynmods",
]);

/** v1 controllers that limit, or that processes can be known by; looking at the others would be in vain. */
const WANTED = new Set(["cpu", "cpuset", "freezer", "memory", "pids"]);

/**
 * Every hierarchy mounted here, once (rows E1, E3): v1 by the controllers among its options (comounts such as `cpu,cpuacct` are one),
 * v2 by what its `cgroup.controllers` says. `names`: the controllers of /proc/self/cgroup, where it could be read; /proc/cgroups
 * is not asked, since it lists controllers that nothing has. A writable mount of the whole hierarchy is preferred.
 */
export function hierarchiesOf(
  mounts: readonly MountEntry[],
  names: ReadonlySet<string> | undefined,
  v2Controllers: (mount: AbsPath) => string | undefined,
): readonly Hierarchy[] {
  const byDevice = new Map<string, MountEntry>();
  const rank = (m: MountEntry): number => (m.options.includes("ro") ? 0 : 2) + (m.root === "/" ? 1 : 0);
  for (const mount of mounts) {
    const known = byDevice.get(mount.dev);
    if (known === undefined || rank(mount) > rank(known)) byDevice.set(mount.dev, mount);
  }
  return [...byDevice.values()].flatMap((mount): Hierarchy[] => {
    const at = mount.point as AbsPath;
    if (mount.type === "cgroup2") {
      const controllers = words(v2Controllers(at) ?? "");
      return [{ version: 2, mount: at, controllers }];
    }
    const isController = (o: string): boolean =>
      names === undefined ? !FLAGS.has(o) && !o.includes("=") : names.has(o);
    return [{ version: 1, mount: at, controllers: mount.superOptions.filter(isController) }];
  });
}

/** The v1 controllers a process is attached by: `4:cpu,cpuacct:/` (cgroups(7)); named hierarchies have none. */
export function v1Controllers(cgroup: string): ReadonlySet<string> {
  const lists = cgroup.split("\n").map((line) => line.split(":")[1] ?? "");
  return new Set(
    lists.flatMap((list) => list.split(",")).filter((name) => name !== "" && !name.startsWith("name=")),
  );
}

/** The hierarchies of the mount table, whoever they belong to. One that another mount hides cannot be reached by its path and is left out. */
function mountedHierarchies(
  reader: Reader,
  mountinfo: string,
  own: string | undefined,
): readonly Hierarchy[] {
  const mounts = parseMountinfo(mountinfo, [" - cgroup ", " - cgroup2 "]).filter(
    (m) => m.type === "cgroup" || m.type === "cgroup2",
  );
  const visible = mounts.filter((m) => {
    if (m.type === "cgroup" && !m.superOptions.some((o) => WANTED.has(o))) return false;
    const id = quietly(() => reader.mountId(m.point as AbsPath));
    return id === m.id;
  });
  return hierarchiesOf(visible, own === undefined ? undefined : v1Controllers(own), (mount) =>
    quietly(() => reader.textAny(join(mount, "cgroup.controllers"))),
  );
}

const ownGroups = (reader: Reader): string | undefined =>
  quietly(() => reader.textAny(proc("self", "cgroup")));

/** The same, on v2 beginning at a subtree that was delegated to us, where there is one. */
export function delegatedHierarchies(reader: Reader, mountinfo: string): readonly Hierarchy[] {
  const own = ownGroups(reader);
  return mountedHierarchies(reader, mountinfo, own).map((h) => {
    const base = h.version === 2 && own !== undefined ? delegatedTo(reader, h.mount, own) : undefined;
    return base === undefined ? h : beginningAt(reader, h, base);
  });
}

/**
 * The hierarchies in which we may make groups. With `parent` (--cgroup-parent) ours begin at that group, and hierarchies without it are
 * left out; else on v2 at a subtree that was delegated to us, where there is one. @throws Failure 3 where no hierarchy has the parent
 */
export function readHierarchies(reader: Reader, mountinfo: string, parent?: string): readonly Hierarchy[] {
  // In a user namespace of ours all that is not ours shows as nobody's.
  const mine = ({ mount, base = mount }: Hierarchy): boolean =>
    reader.rootless === undefined || reader.stat(base)?.uid === reader.uid;
  if (parent === undefined) return delegatedHierarchies(reader, mountinfo).filter(mine);
  const all = mountedHierarchies(reader, mountinfo, ownGroups(reader));
  const having = all.filter((h) => reader.stat(join(h.mount, parent))?.type === "dir");
  if (having.length > 0) return having.map((h) => beginningAt(reader, h, join(h.mount, parent))).filter(mine);
  throw failure(3, "not_found", `--cgroup-parent ${parent}: there is no such cgroup`, {
    detail: `looked for in ${all.map((h) => h.mount).join(", ") || "no hierarchy: none is mounted"}`,
  });
}

/** A hierarchy in which our groups are made below `base`; on v2 a group has the controllers that those above hand down. */
export function beginningAt(reader: Reader, hierarchy: Hierarchy, base: AbsPath): Hierarchy {
  const { version, mount, controllers } = hierarchy;
  if (base === mount) return { version, mount, controllers };
  const handed = version === 2 ? quietly(() => reader.textAny(join(base, "cgroup.controllers"))) : undefined;
  return { version, mount, base, controllers: handed === undefined ? controllers : words(handed) };
}

/** Units of systemd in a path of cgroups, as far as the last one: `/user.slice/x.scope/payload` ends at the scope. */
const UNIT = /^(?:.*\/)?[^/]+\.(?:scope|service)(?=\/|$)/;

/**
 * The unit of systemd that we run in, where it was delegated: whoever runs in it may make groups below it and nowhere else (systemd's
 * "Control Group APIs and Delegation"). It says so in an extended attribute (systemd.exec: `Delegate=`), or by giving the group to us.
 */
function delegatedTo(reader: Reader, mount: AbsPath, own: string): AbsPath | undefined {
  const [, path = "/"] = /^0::(.*)$/m.exec(own) ?? [];
  // Without systemd whoever gave us a group put us into it.
  const [unit = reader.rootless && path] = UNIT.exec(path) ?? [];
  if (unit === undefined) return undefined;
  const group = join(mount, unit);
  const owner = quietly(() => reader.stat(group))?.uid;
  if (owner === undefined) return undefined;
  const marked = ["trusted.delegate", "user.delegate"].some((name) => reader.xattr(group, name) === "1");
  const given = owner === reader.uid && (owner !== 0 || reader.rootless !== undefined);
  return marked || given ? group : undefined;
}

const words = (text: string): readonly string[] =>
  text
    .trim()
    .split(/\s+/)
    .filter((w) => w !== "");
