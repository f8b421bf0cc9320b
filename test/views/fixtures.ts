// The example of the documentation: an environment with tools and node as layers, two volumes and three limits.
import type { AbsPath, EnvId, Lineage } from "#model/brand";
import type { MountEntry, Observed } from "#model/observed";
import type { Action, BlockedPlan, Blocker, Plan, ReadyPlan } from "#model/plan";
import { summarise } from "#model/plan";
import { placeOf } from "#model/identity";
import type { Layer, Limit, LimitName, Overlay, TmpfsResource, VolumeResource } from "#model/resource";
import type { EnvRecord } from "#model/record";
import type { Look } from "#views/look";

export const path = (text: string): AbsPath => text as AbsPath;
export const HOME: AbsPath = path("/home/ana/shop");
export const STATE: AbsPath = path("/var/lib/envctl");
export const ID: EnvId = "web-tests-931505fb" as EnvId;
export const FILE: AbsPath = path(`${HOME}/envs/web-tests.yaml`);

const look = (columns: number, color: boolean, unicode = true): Look => ({
  color,
  columns,
  unicode,
  cwd: HOME,
});
export const LOOK: Look = look(80, false);
export const ASCII: Look = look(80, false, false);
/** By the name of a golden file. */
export const looks: Readonly<Record<string, Look>> = {
  "80.txt": LOOK,
  "120.txt": look(120, false),
  "80.ansi": look(80, true),
  "120.ansi": look(120, true),
};

export const layer = (source: string, ino = "1"): Layer => ({
  source,
  path: path(source.replace("..", HOME)),
  inode: { dev: "254:1", ino },
});

export const overlay = (lowers: readonly string[], more: Partial<Overlay> = {}): Overlay => ({
  kind: "overlay",
  address: "web-tests.overlay",
  lowers: [...lowers, "../rootfs"].map((source) => layer(source)),
  upper: { kind: "disk" },
  options: {},
  init: { hostname: "web-tests", resolv: "none" },
  root: { mode: 0o755, uid: 0, gid: 0 },
  ...more,
});

export const volume = (
  target: string,
  source: string,
  more: Partial<VolumeResource> = {},
): VolumeResource => ({
  kind: "volume",
  address: `web-tests.volume["${target}"]`,
  target,
  source,
  path: path(source.replace("..", HOME)),
  type: "dir",
  inode: { dev: "254:1", ino: "7" },
  access: "ro",
  recursive: false,
  options: ["nosuid", "nodev"],
  ...more,
});

export const tmpfs = (target: string, bytes?: string): TmpfsResource => ({
  kind: "tmpfs",
  address: `web-tests.tmpfs["${target}"]`,
  target,
  ...(bytes === undefined ? {} : { bytes }),
  mode: 0o1777,
});

export const limit = (name: LimitName, value: string): Limit => ({
  kind: "limit",
  address: `web-tests.limit.${name}`,
  name,
  value,
});

export const source: Layer = layer("../rootfs");
export const keep = (after: Extract<Action, { op: "keep" }>["after"]): Action => ({
  op: "keep",
  address: after.address,
  kind: after.kind,
  after,
});
export const create = (
  after: Extract<Action, { op: "create" }>["after"],
  because: "not_applied" | "missing" | "rebooted" = "not_applied",
): Action => ({
  op: "create",
  because,
  address: after.address,
  kind: after.kind,
  after,
});
export const remove = (
  before: Extract<Action, { op: "delete" }>["before"],
  because: "requested" | "not_declared" = "requested",
): Action => ({
  op: "delete",
  because,
  address: before.address,
  kind: before.kind,
  before,
});

export const rootfs: Action = keep({ kind: "rootfs", address: "web-tests.rootfs", layer: source });
export const layers: readonly Action[] = ["../layers/tools", "../layers/node"].map((s, index) =>
  keep({ kind: "layer", address: `web-tests.layer[${index}]`, index, layer: layer(s) }),
);

export const work: VolumeResource = volume("/work", "../src");
export const cache: VolumeResource = volume("/var/cache/app", "../cache", { access: "rw" });

export const observed = (more: Partial<Observed> = {}): Observed => ({
  id: ID,
  lineage: "0123abcd" as Lineage,
  place: placeOf(STATE, ID),
  boot: "b",
  mountNamespace: "4026531841",
  mounts: [],
  hierarchies: [],
  cgroups: [],
  upperUsed: false,
  staleSources: {},
  rebooted: false,
  ...more,
});

/** Views ask only whether there is one. */
export const record = {
  format: "envctl.record/1",
  name: "web-tests",
  phase: "applied",
  cgroups: [] as const,
} as unknown as EnvRecord;

export function plan(actions: readonly Action[], more: Partial<ReadyPlan> = {}): ReadyPlan {
  return {
    kind: "ready",
    intent: "apply",
    placement: "host",
    id: ID,
    name: "web-tests",
    file: FILE,
    actions,
    summary: summarise(actions),
    drift: [],
    warnings: [],
    observed: observed(),
    ...more,
  };
}

export function blocked(
  plan: Plan,
  holders: readonly Blocker[],
  foreign: BlockedPlan["foreign"] = [],
): BlockedPlan {
  return { ...plan, kind: "blocked", blocked: holders, foreign };
}

export const inUse: Observed = observed({
  record,
  upperUsed: true,
  upperUse: { paths: 214, bytes: "87136665" },
  cgroups: [
    {
      dir: path("/sys/fs/cgroup/x"),
      version: 2,
      exists: true,
      values: {},
      memoryUse: `${31 * 1024 * 1024}`,
      populated: true,
    },
  ],
});

/** The plan of the picture: tools was added on top, memory raised, a volume unmounted by hand. */
export const picture: ReadyPlan = plan(
  [
    rootfs,
    ...layers,
    {
      op: "replace",
      because: "lowers_changed",
      address: "web-tests.overlay",
      kind: "overlay",
      before: overlay(["../layers/node"]),
      after: overlay(["../layers/tools", "../layers/node"]),
      changes: [
        {
          path: "lowers",
          before: ["../layers/node"],
          after: ["../layers/tools", "../layers/node"],
          forces_replace: true,
        },
      ],
    },
    {
      op: "replace",
      because: "dependency_replaced",
      address: work.address,
      kind: "volume",
      before: work,
      after: work,
      changes: [],
    },
    create(cache, "missing"),
    {
      op: "update",
      because: "options_changed",
      address: "web-tests.limit.memory",
      kind: "limit",
      before: limit("memory", "268435456"),
      after: limit("memory", "536870912"),
      changes: [{ path: "value", before: "268435456", after: "536870912" }],
    },
    keep(limit("cpuset", "0-1")),
  ],
  {
    observed: inUse,
    drift: [
      {
        env: ID,
        address: cache.address,
        kind: "missing",
        detail: "recorded, not mounted",
        fix: "envctl apply web-tests",
      },
    ],
    warnings: [
      {
        severity: "warning",
        code: "overlay_rule",
        summary: "upper was written over other layers; a file it changed hides the one in ../layers/tools",
        hint: "See it: envctl diff. Drop it: envctl reset",
      },
    ],
  },
);

export const holders: readonly Blocker[] = [
  {
    pid: 48121,
    user: "ana",
    age: 725,
    command: "bash",
    holds: "cwd /work",
    own: false,
    address: "web-tests.overlay",
  },
  {
    pid: 48377,
    user: "root",
    age: 3,
    command: "tail -f app.log",
    holds: "file /var/cache/app/app.log",
    own: false,
    address: cache.address,
  },
  {
    pid: 51002,
    user: "build",
    age: 7300,
    command: "node server.js",
    holds: "",
    namespace: "4026532871",
    own: false,
    address: "web-tests.overlay",
  },
];

export const foreign: MountEntry = {
  id: "912",
  parent: "900",
  dev: "0:77",
  root: "/",
  point: `${STATE}/envs/${ID}/merged/mnt`,
  options: ["rw"],
  propagation: [],
  type: "tmpfs",
  source: "tmpfs",
  superOptions: ["rw"],
};

// oxlint-disable-next-line no-control-regex
export const COLOURS: RegExp = /\u001b\[\d+m/g;
/** What may steer a terminal; line ends are ours. */
// oxlint-disable-next-line no-control-regex
export const CONTROLS: RegExp = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
