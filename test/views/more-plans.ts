// Plans of every kind of resource and reason, to draw.
import type { Finding, Plan } from "#model/plan";
import type { EntryResource, LayerResource, RootfsResource } from "#model/resource";
import type { Entry } from "#model/spec";
import * as f from "./fixtures.ts";

const finding = (address: string, more: Omit<Finding, "env" | "address" | "fix">): Finding => ({
  env: f.ID,
  address,
  fix: "envctl apply web-tests",
  ...more,
});

const archive = (source: string, digest: string): RootfsResource["layer"] => {
  const path = f.path(`${f.STATE}/layers/sha256/${digest}`);
  const stamp = { dev: "254:1", ino: "9", size: 1, mtime: "1", ctime: "1" };
  const recipe = { kind: "archive", archive: f.path(`${f.HOME}/x`), compression: "zstd", stamp } as const;
  return { source, path, inode: { dev: "0:0", ino: "0" }, digest, recipe } as RootfsResource["layer"];
};
const rootfs = (layer: RootfsResource["layer"]): RootfsResource => ({
  kind: "rootfs",
  address: "web-tests.rootfs",
  layer,
});
const NEW = "3f1c".repeat(16);
const OLD = "a90b".repeat(16);

const host: RootfsResource = rootfs({
  ...archive("/bin/bash, /usr/bin/make", NEW),
  recipe: { kind: "host", entries: [] },
} as RootfsResource["layer"]);

const entry: Entry = {
  command: ["/bin/sh", "-c", "set -eu\ncd /work\nnpm ci\nnpm run lint\nnpm test\n"],
  env: { CI: { kind: "literal", value: "1" }, TOKEN: { kind: "passthrough" } },
  workdir: "/work",
  hostname: "web-tests",
  network: "none",
  init: false,
  capabilities: { drop: [], add: [] },
};
const edited: Entry = {
  ...entry,
  command: ["/bin/sh", "-c", "set -eu\ncd /work\nnpm ci\nnpm run lint -- --fix\nnpm test\n"],
};
const entryOf = (what: Entry): EntryResource => ({ kind: "entry", address: "web-tests.entry", entry: what });

const changedLimit = (name: "memory" | "cpus", before: string, after: string): Plan["actions"][number] => ({
  op: "update",
  because: "options_changed",
  address: `web-tests.limit.${name}`,
  kind: "limit",
  before: f.limit(name, before),
  after: f.limit(name, after),
  changes: [{ path: "value", before, after }],
});

const applied = f.observed({ record: f.record });
const rw = f.volume("/var/cache/app", "../cache", { access: "rw" });

export const morePlans: Readonly<Record<string, Plan>> = {
  "plan-group": f.plan(
    [
      f.rootfs,
      f.keep(f.overlay([])),
      f.create({ kind: "cgroup", address: "web-tests.cgroup", path: f.path("/sys/fs/cgroup/x") }, "missing"),
    ],
    {
      observed: applied,
      drift: [
        finding("web-tests.cgroup", {
          kind: "missing",
          detail: "the group of its processes is gone",
          path: "/sys/fs/cgroup/x",
        }),
      ],
    },
  ),
  "plan-entry": f.plan(
    [
      f.rootfs,
      f.keep(f.overlay([])),
      {
        op: "update",
        because: "options_changed",
        address: "web-tests.entry",
        kind: "entry",
        before: entryOf(entry),
        after: entryOf(edited),
        changes: [
          { path: "command", before: entry.command, after: edited.command },
          {
            path: "env",
            before: { CI: "1", TOKEN: "(passed through)" },
            after: { CI: "true", TOKEN: "(set)" },
          },
          { path: "user", before: null, after: "1000:1000" },
        ],
      },
    ],
    { observed: applied },
  ),
  "plan-archive": f.plan([
    f.create(rootfs(archive("../images/alpine-3.20-with-everything-for-the-tests.tar.zst", NEW))),
    f.create({
      kind: "layer",
      address: "web-tests.layer[0]",
      index: 0,
      layer: archive("../layers/node.tar.zst", OLD),
    } satisfies LayerResource),
    f.create(f.overlay(["../layers/node.tar.zst"])),
  ]),
  "plan-archive-changed": f.plan(
    [
      {
        op: "replace",
        because: "rootfs_changed",
        address: "web-tests.rootfs",
        kind: "rootfs",
        before: rootfs(archive("../images/alpine.tar.gz", OLD)),
        after: rootfs(archive("../images/alpine.tar.gz", NEW)),
        changes: [{ path: "sha256", before: OLD, after: NEW, forces_replace: true }],
      },
      {
        op: "replace",
        because: "rootfs_changed",
        address: "web-tests.overlay",
        kind: "overlay",
        before: { ...f.overlay([]), lowers: [archive("../images/alpine.tar.gz", OLD)] },
        after: { ...f.overlay([]), lowers: [archive("../images/alpine.tar.gz", NEW)] },
        changes: [{ path: "rootfs", before: OLD, after: NEW, forces_replace: true }],
      },
    ],
    { observed: f.inUse },
  ),
  "plan-host": f.plan([f.create(host), f.create(f.overlay([], { lowers: [host.layer] }))]),
  "plan-tmpfs-upper": f.plan([
    f.rootfs,
    f.create(f.overlay([], { upper: { kind: "tmpfs", bytes: "536870912" } })),
    f.create(f.tmpfs("/tmp")),
  ]),
  "plan-read-only": f.plan([f.rootfs, f.create(f.overlay(["../layers/node"], { upper: { kind: "none" } }))]),
  "plan-limits": f.plan(
    [
      f.keep(f.overlay([])),
      changedLimit("memory", "268435456", "16777216"),
      changedLimit("cpus", "2", "1"),
      f.create(f.limit("cpu_shares", "512")),
      f.create(f.limit("pids", "64"), "missing"),
      f.remove(f.limit("cpuset", "0-1"), "not_declared"),
    ],
    { observed: f.inUse },
  ),
  "plan-drifted": f.plan(
    [
      f.rootfs,
      f.keep(f.overlay([])),
      {
        op: "replace",
        because: "source_replaced",
        address: rw.address,
        kind: "volume",
        before: rw,
        after: rw,
        changes: [],
      },
      {
        op: "update",
        because: "options_changed",
        address: f.work.address,
        kind: "volume",
        before: f.work,
        after: f.work,
        changes: [{ path: "mounted", before: "mounted without ro", after: "as declared" }],
      },
    ],
    {
      observed: applied,
      drift: [
        finding(rw.address, {
          kind: "stale_source",
          detail: "its source was replaced; the mount holds the old one",
        }),
        finding(f.work.address, { kind: "changed", detail: "mounted without ro" }),
        finding(`${applied.place.merged}/mnt`, {
          kind: "foreign",
          detail: "tmpfs, mount 912, not made by envctl",
        }),
      ],
    },
  ),
  "plan-missing": f.plan([f.rootfs, f.keep(f.overlay([])), f.keep(f.work), f.create(rw, "missing")], {
    observed: applied,
    drift: [finding(rw.address, { kind: "missing", detail: "recorded, not mounted" })],
  }),
  "plan-warnings": f.plan([f.rootfs, f.create(f.overlay([])), f.create(rw)], {
    warnings: [
      {
        severity: "warning",
        code: "conflict",
        summary: 'volume["/var/cache/app"] lies in what api writes',
        detail: `${f.HOME}, its volume["/srv"]`,
        file: "envs/web-tests.yaml",
        span: { line: 9, column: 5, length: 8 },
      },
      {
        severity: "warning",
        code: "overlay_rule",
        summary: "the writable layer will lie below a layer",
        detail: "what is written inside shows there as well",
      },
    ],
  }),
  "plan-interrupted": f.plan([f.rootfs, f.keep(f.overlay([]))], {
    observed: f.observed({ record: { ...f.record, phase: "applying" } }),
    drift: [finding("web-tests", { kind: "leftover", detail: "apply was interrupted" })],
  }),
};
