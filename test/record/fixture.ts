import type { AbsPath, EnvId, Lineage } from "#model/brand";
import type { EnvRecord } from "#model/record";

export const ID = "web-0123abcd" as EnvId;
export const LINEAGE = "feedbeef" as Lineage;
const inode = { dev: "8:1", ino: "12" };
const layer = { source: "../rootfs", path: "/repo/rootfs" as AbsPath, inode };

/** A record with one of everything. */
export const RECORD: EnvRecord = {
  format: "envctl.record/1",
  serial: 3,
  version: "0.1.0",
  lineage: LINEAGE,
  id: ID,
  name: "web",
  file: "/repo/envs/web.yaml" as AbsPath,
  text: "version: 1\nname: web # ünïcode 🙂\n",
  variables: [{ name: "TOKEN", hash: "ab12" }, { name: "UNSET" }],
  salt: "5a17",
  spec: {
    name: "web",
    rootfs: { kind: "archive", path: "../rootfs.tar", sha256: "00" },
    lowers: [
      { kind: "host", programs: ["/bin/sh"] },
      { kind: "from", env: "a", snapshot: "b" },
    ],
    overlay: { upper: { kind: "tmpfs", size: 536870912n }, options: { index: "off", volatile: true } },
    volumes: [
      {
        source: "../src",
        target: "/work",
        access: "ro",
        recursive: false,
        options: ["noexec"],
        owner: "caller",
      },
    ],
    tmpfs: [
      { target: "/tmp", size: 67108864n, mode: 0o1777 },
      { target: "/run", mode: 0o755 },
    ],
    limits: { memory: 268435456n, swap: 0n, cpuset: "0-1", cpus: 1.5, cpu_shares: 512, pids: 128 },
    entry: {
      command: ["/bin/sh", "-c", "true"],
      env: {
        CI: { kind: "literal", value: "1" },
        TOKEN: { kind: "variable", value: "" },
        HOME: { kind: "passthrough" },
      },
      workdir: "/work",
      hostname: "web",
      network: "none",
      init: true,
      capabilities: { drop: ["NET_RAW"], add: [] },
      ready: { probe: { kind: "tcp", port: 8080 }, timeoutMs: 30000 },
    },
  },
  phase: "applied",
  boot: "2c5ad3a6-7b6e-4a1b-8f0c-000000000000",
  mountNamespace: "4026531841",
  resources: [
    { kind: "rootfs", address: "web.rootfs", layer },
    { kind: "layer", address: "web.layer[0]", index: 0, layer },
    {
      kind: "overlay",
      address: "web.overlay",
      lowers: [layer],
      upper: { kind: "tmpfs", bytes: "536870912" },
      options: { index: "off" },
      init: { hostname: "web", resolv: "none" },
      root: { mode: 0o755, uid: 0, gid: 0 },
    },
    {
      kind: "volume",
      address: 'web.volume["/work"]',
      target: "/work",
      source: "../src",
      path: "/repo/src" as AbsPath,
      type: "dir",
      inode,
      create: { dirs: ["/repo/src" as AbsPath], owner: { mode: 0o755, uid: 0, gid: 0 } },
      access: "ro",
      recursive: false,
      options: [],
    },
    { kind: "tmpfs", address: 'web.tmpfs["/tmp"]', target: "/tmp", bytes: "67108864", mode: 0o1777 },
    { kind: "limit", address: "web.limit.memory", name: "memory", value: "268435456" },
  ],
  previous: [],
  mounts: {
    "web.overlay": {
      id: "61",
      unique: "4294967400",
      dev: "0:50",
      point: "/var/lib/envctl/envs/web-0123abcd/merged" as AbsPath,
    },
  },
  cgroups: [
    {
      dir: "/sys/fs/cgroup/memory/envctl-feedbeef/web-0123abcd" as AbsPath,
      version: 1,
      controllers: ["memory"],
    },
  ],
  appliedAt: 1795300000,
};
