import { type AbsPath, type EnvId, join, type Lineage } from "#model/brand";
import { cgroupDir, mountTag, placeOf } from "#model/identity";
import type { Hierarchy, MountEntry, Observed, Place } from "#model/observed";
import type { EnvRecord } from "#model/record";
import type { InnerMount, Layer, Limit, LimitName, Overlay, Resource, VolumeResource } from "#model/resource";
import { groupsFor } from "#plan/limits";
import { plan } from "#plan/plan";
import type { ReadyPlan } from "#model/plan";

export const ID = "web-0123abcd" as EnvId;
export const LINEAGE = "feedbeef" as Lineage;
export const PLACE: Place = placeOf("/state" as AbsPath, ID);
const FILE = "/repo/envs/web.yaml" as AbsPath;

export const layer = (name: string, ino: string = name): Layer => ({
  source: `../${name}`,
  path: `/repo/${name}` as AbsPath,
  inode: { dev: "8:1", ino },
});

export function overlay(lowers: readonly Layer[] = [], more: Partial<Overlay> = {}): Overlay {
  return {
    kind: "overlay",
    address: "web.overlay",
    lowers: [...lowers, layer("rootfs")],
    upper: { kind: "disk" },
    options: { index: "off" },
    init: { hostname: "web", resolv: "none" },
    root: { mode: 0o755, uid: 0, gid: 0 },
    ...more,
  };
}

export function volume(target: string, more: Partial<VolumeResource> = {}): VolumeResource {
  const source = `/repo/src${target}` as AbsPath;
  return {
    kind: "volume",
    address: `web.volume["${target}"]`,
    target,
    source,
    path: source,
    type: "dir",
    inode: { dev: "8:1", ino: `src${target}` },
    access: "rw",
    recursive: false,
    options: [],
    ...more,
  };
}

export const limit = (name: LimitName, value: string): Limit => ({
  kind: "limit",
  address: `web.limit.${name}`,
  name,
  value,
});

export function base(layers: readonly Layer[] = []): readonly Resource[] {
  return [
    { kind: "rootfs", address: "web.rootfs", layer: layer("rootfs") },
    ...layers.map((l, index): Resource => ({
      kind: "layer",
      address: `web.layer[${index}]`,
      index,
      layer: l,
    })),
  ];
}

export const V1: readonly Hierarchy[] = ["memory", "cpuset", "pids"].map((c) => ({
  version: 1,
  mount: `/sys/fs/cgroup/${c}` as AbsPath,
  controllers: [c],
}));
export const V2: readonly Hierarchy[] = [
  { version: 2, mount: "/sys/fs/cgroup" as AbsPath, controllers: ["memory", "cpuset", "cpu", "pids"] },
];

export function record(resources: readonly Resource[], more: Partial<EnvRecord> = {}): EnvRecord {
  const limits = resources.filter((r): r is Limit => r.kind === "limit");
  return {
    format: "envctl.record/1",
    serial: 1,
    version: "0.1.0",
    lineage: LINEAGE,
    id: ID,
    name: "web",
    file: FILE,
    text: "",
    variables: [],
    salt: "",
    spec: {} as EnvRecord["spec"],
    phase: "applied",
    boot: "boot-1",
    mountNamespace: "1",
    resources,
    mounts: {},
    cgroups: groupsFor(limits, V1, LINEAGE, ID),
    ...more,
  };
}

let nextId = 100;
function entry(point: AbsPath, more: Partial<MountEntry>): MountEntry {
  return {
    id: `${nextId++}`,
    parent: "1",
    dev: "8:1",
    root: "/",
    point,
    options: ["rw"],
    propagation: [],
    type: "ext4",
    source: "/dev/sda1",
    superOptions: [],
    ...more,
  };
}

/** The mounts a record's resources amount to when all of them stand. */
export function mounted(resources: readonly Resource[]): MountEntry[] {
  return resources.flatMap((r) =>
    r.kind === "overlay"
      ? [overlayEntry(r)]
      : r.kind === "volume" || r.kind === "tmpfs"
        ? [innerEntry(r)]
        : [],
  );
}

export function overlayEntry(o: Overlay): MountEntry {
  const lowers = [PLACE.init, ...o.lowers.map((l) => l.path)].map((p) => `lowerdir+=${p}`);
  return entry(PLACE.merged, {
    dev: "0:77",
    type: "overlay",
    source: mountTag(LINEAGE, ID),
    superOptions: ["rw", ...lowers],
  });
}

export function innerEntry(m: InnerMount): MountEntry {
  const point = join(PLACE.merged, m.target);
  if (m.kind === "tmpfs") return entry(point, { dev: "0:78", type: "tmpfs" });
  return entry(point, { root: m.path, options: [m.access, "nosuid", "nodev"] });
}

export function observed(resources: readonly Resource[], more: Partial<Observed> = {}): Observed {
  const limits = resources.filter((r): r is Limit => r.kind === "limit");
  const hierarchies = more.hierarchies ?? V1;
  return {
    id: ID,
    lineage: LINEAGE,
    place: PLACE,
    boot: "boot-1",
    mountNamespace: "1",
    record: record(resources),
    mounts: mounted(resources),
    hierarchies,
    cgroups: groupsFor(limits, hierarchies, LINEAGE, ID).map((g) => ({
      dir: g.dir,
      version: g.version,
      exists: true,
      populated: false,
      values: Object.fromEntries(
        limits.filter((l) => g.controllers.includes(controllerOf(l.name))).map((l) => [l.name, l.value]),
      ),
    })),
    upperUsed: false,
    staleSources: {},
    rebooted: false,
    ...more,
  };
}

/** Nothing of the environment is on the host. */
export function blank(more: Partial<Observed> = {}): Observed {
  const { record: _record, ...rest } = observed([]);
  return { ...rest, mounts: [], cgroups: [], ...more };
}

const controllerOf = (name: LimitName): string =>
  name === "swap" || name === "memory"
    ? "memory"
    : name.startsWith("cpuset")
      ? "cpuset"
      : name === "pids"
        ? "pids"
        : "cpu";

export function planFor(
  desired: readonly Resource[],
  seen: Observed,
  intent: "apply" | "destroy" = "apply",
): ReadyPlan {
  return plan({ intent, placement: "host", id: ID, name: "web", file: FILE, desired, observed: seen });
}

/** `op because` by address. */
export function verdicts(p: ReadyPlan): Record<string, string> {
  return Object.fromEntries(
    p.actions.map((a) => [a.address.slice("web.".length), a.op === "keep" ? "keep" : `${a.op} ${a.because}`]),
  );
}

export const group = (controller: string): AbsPath =>
  cgroupDir(`/sys/fs/cgroup/${controller}` as AbsPath, LINEAGE, ID);
