// Plans to draw.
import type { EnvId } from "#model/brand";
import type { Plan } from "#model/plan";
import * as f from "./fixtures.ts";

export const first: Plan = f.plan([
  f.rootfs,
  ...f.layers,
  f.create(
    f.overlay(["../layers/tools", "../layers/node"], {
      options: { index: "on", metacopy: "off", xino: "auto", volatile: true },
    }),
  ),
  f.create(f.work),
  f.create(
    f.volume("/var/lib/postgresql/data", "../cache/postgres/data", {
      access: "rw",
      recursive: true,
      create: {
        dirs: [f.path(`${f.HOME}/cache/postgres`), f.path(`${f.HOME}/cache/postgres/data`)],
        owner: { mode: 0o755, uid: 1000, gid: 1000 },
      },
    }),
  ),
  f.create(f.tmpfs("/tmp", "67108864")),
  f.create(f.limit("memory", "536870912")),
  f.create(f.limit("swap", "0")),
  f.create(f.limit("cpuset", "0-1")),
  f.create(f.limit("cpus", "1.5")),
  f.create(f.limit("pids", "128")),
]);

export const rebooted: Plan = f.plan(
  [
    f.rootfs,
    f.create(f.overlay(["../layers/node"]), "rebooted"),
    f.create(f.work, "rebooted"),
    f.create(f.limit("memory", "536870912"), "rebooted"),
  ],
  {
    observed: { ...f.inUse, rebooted: true },
    drift: [
      {
        env: f.ID,
        address: "web-tests.overlay",
        kind: "rebooted",
        detail: "the host was rebooted; nothing of it is mounted",
        fix: "envctl apply web-tests",
      },
    ],
  },
);

const many = (n: number): string[] => Array.from({ length: n }, (_, i) => `../layers/${i}`);
export const options: Plan = f.plan(
  [
    {
      op: "replace",
      because: "rootfs_changed",
      address: "web-tests.overlay",
      kind: "overlay",
      before: f.overlay([...many(12), "../layers/old", "../layers/a", "../layers/b"]),
      after: {
        ...f.overlay([], { upper: { kind: "tmpfs", bytes: "1073741824" } }),
        lowers: [...many(12), "../layers/b", "../layers/a", "../rootfs2"].map((s) => f.layer(s)),
      },
      changes: [
        { path: "rootfs", before: "../rootfs", after: "../rootfs2", forces_replace: true },
        { path: "lowers", before: [], after: [], forces_replace: true },
        {
          path: "upper",
          before: { kind: "disk" },
          after: { kind: "tmpfs", bytes: "1073741824" },
          forces_replace: true,
        },
        { path: "options", before: {}, after: { index: "off", metacopy: "off" }, forces_replace: true },
      ],
    },
    {
      op: "update",
      because: "options_changed",
      address: f.work.address,
      kind: "volume",
      before: f.work,
      after: { ...f.work, access: "rw" },
      changes: [
        { path: "access", before: "ro", after: "rw" },
        { path: "options", before: ["ro", "nosuid", "nodev"], after: ["rw", "nosuid", "nodev"] },
      ],
    },
    {
      op: "replace",
      because: "stacked",
      address: 'web-tests.tmpfs["/tmp"]',
      kind: "tmpfs",
      before: f.tmpfs("/tmp", "67108864"),
      after: f.tmpfs("/tmp"),
      changes: [
        { path: "size", before: "67108864", after: null, forces_replace: true },
        { path: "mode", before: 0o1777, after: 0o700, forces_replace: true },
      ],
    },
    {
      op: "update",
      because: "options_changed",
      address: "web-tests.limit.memory",
      kind: "limit",
      before: f.limit("memory", "268435456"),
      after: f.limit("memory", "268435456"),
      changes: [{ path: "value", before: "1048576", after: "268435456" }],
    },
    f.remove(f.cache, "not_declared"),
  ],
  { observed: f.observed({ record: f.record }) },
);

export const torn: Plan = f.plan(
  [f.remove(f.limit("memory", "536870912")), f.remove(f.cache), f.remove(f.work), f.remove(f.overlay([]))],
  {
    intent: "destroy",
    observed: f.inUse,
  },
);
export const nothing = (name: string, intent: Plan["intent"] = "apply"): Plan =>
  f.plan(intent === "apply" ? [f.rootfs, ...f.layers] : [], {
    name,
    id: `${name}-931505fb` as EnvId,
    file: f.path(`${f.HOME}/envs/${name}.yaml`),
    intent,
  });
