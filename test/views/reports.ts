// Everything else to draw: mistakes, drift, what ls and show tell, a kill for lack of memory.
import type { EnvId } from "#model/brand";
import type { DetachedRun } from "#model/detached";
import type { Diagnostic } from "#model/diagnostic";
import type { Ending } from "#model/launch";
import type { DriftReport, EnvDetail, EnvEntry, OomReport, ValidateReport } from "#model/outcome";
import { runFiles } from "#record/runs";
import * as f from "./fixtures.ts";

export const NOW = 1_795_288_200;
const dir = `${f.STATE}/envs/${f.ID}`;
const place = f.observed().place;

const at = (
  line: number,
  column: number,
  length: number,
  text: string,
): Pick<Diagnostic, "file" | "span" | "text"> => ({
  file: f.FILE,
  span: { line, column, length },
  text,
});

export const mistakes: readonly Diagnostic[] = [
  {
    severity: "error",
    code: "unknown_key",
    summary: 'unknown key "lower"',
    detail: 'did you mean "lowers"?',
    ...at(4, 1, 5, "lower:"),
  },
  {
    severity: "error",
    code: "bad_size",
    summary: "not a size",
    detail: "a number with K, M or G (powers of 1024): 256MiB",
    ...at(10, 11, 8, "  memory: 256 megs"),
  },
  {
    severity: "error",
    code: "no_cpu",
    summary: "this host has CPUs 0-1 only",
    ...at(11, 11, 3, "  cpuset: 0-7"),
  },
];

export const awkward: readonly Diagnostic[] = [
  {
    severity: "error",
    code: "conflict",
    summary: "two volumes have one target",
    detail:
      "each target can be mounted once; the other one is in line 12, where it was first declared for the cache of the build",
    ...at(
      130,
      76,
      20,
      `  - { source: ${"../a/long/path".repeat(4)}, target: /var/cache/app, access: rw, recursive: false }`,
    ),
  },
  {
    severity: "warning",
    code: "overlay_rule",
    summary: "an upper below a lower is seen twice",
    ...at(7, 2, 5, "\tupper: disk"),
  },
  {
    severity: "error",
    code: "not_found",
    summary: "no such file",
    file: "envs/api.yaml",
    detail: "envs/ holds web-tests.yaml",
  },
];

export const report: DriftReport = {
  envs: [
    {
      id: f.ID,
      name: "web-tests",
      file: f.FILE,
      unapplied: true,
      findings: [
        {
          env: f.ID,
          address: f.cache.address,
          kind: "missing",
          detail: "recorded, not mounted",
          fix: "envctl apply web-tests",
        },
        {
          env: f.ID,
          address: `${dir}/merged/mnt`,
          kind: "foreign",
          detail: "tmpfs, mount 912, not made by envctl",
          fix: `umount ${dir}/merged/mnt`,
          mount: "912",
          path: `${dir}/merged/mnt`,
        },
      ],
    },
  ],
  unowned: [
    {
      env: "old-api-5b2c90d1" as EnvId,
      address: "old-api-5b2c90d1",
      kind: "orphan",
      detail: "envs/old-api.yaml is gone; 3 mounts",
      fix: "envctl destroy old-api-5b2c90d1",
    },
    {
      env: "lint-77e0a1c4" as EnvId,
      address: "cgroup lint-77e0a1c4",
      kind: "leftover",
      detail: "memory, cpuset; empty, no record",
      fix: "envctl destroy lint-77e0a1c4",
    },
  ],
};

const of = (number: number): Pick<DetachedRun, "record" | "files"> => ({
  record: {
    format: "envctl.run/1",
    id: f.ID,
    name: "web-tests",
    number,
    phase: "started",
    command: ["node", "test/all.js"],
    workdir: "/work",
    user: { uid: 1000, gid: 1000, groups: [44], home: "/home/ana", name: "ana" },
    boot: "b",
    startedAt: NOW - 730,
    supervisor: { pid: 48120, start: "900" },
    entry: { pid: 48121, start: "901" },
    cgroups: [],
  },
  files: runFiles(f.path("/var/lib/envctl"), f.ID, number),
});

const over = (number: number, ending: Ending, oomKills: number = 0): DetachedRun => ({
  ...of(number),
  state: "ended",
  ending,
  endedAt: NOW - 730 + 14.2,
  oomKills,
});

export const runs: readonly DetachedRun[] = [
  { ...of(1), state: "running" },
  over(2, { code: 0 }),
  over(3, { signal: "SIGKILL" }, 1),
  over(4, { code: 3 }, 2),
  over(5, { signal: "SIGTERM" }),
  { ...of(6), state: "lost" },
  {
    files: of(1).files,
    record: {
      ...of(1).record,
      id: `${f.ID}.r1` as EnvId,
      name: "web-tests.r1",
      command: ["sh", "-c", "while :; do date; sleep 1\ndone; echo never"],
      startedAt: NOW - 3,
    },
    state: "running",
  },
];

const common = {
  id: f.ID,
  name: "web-tests",
  file: f.FILE,
  fileExists: true,
  state: "applied",
  upper: { form: "disk", bytes: "87136665", paths: 214 },
  appliedAt: NOW - 730,
  runs: runs.slice(0, 3),
} as const;
export const entries: readonly EnvEntry[] = [
  { ...common, layers: 3, volumes: 2, limits: { memory: "536870912", swap: "0", cpuset: "0-1" } },
  {
    ...common,
    id: "old-api-5b2c90d1" as EnvId,
    name: "old-api",
    file: f.path("/srv/old/envs/old-api.yaml"),
    fileExists: false,
    state: "drifted",
    upper: { form: "tmpfs", bytes: "0" },
    layers: 1,
    volumes: 0,
    limits: {},
    appliedAt: NOW - 500_000,
    runs: [],
  },
  {
    id: "lint-77e0a1c4" as EnvId,
    name: "lint",
    runs: [],
    fileExists: true,
    state: "unreadable",
    upper: { form: "disk" },
    layers: 0,
    volumes: 0,
    limits: {},
  },
];
export const detail: EnvDetail = {
  ...common,
  lowerDirs: [`${dir}/init`, ...["layers/tools", "layers/node", "rootfs"].map((l) => `${f.HOME}/${l}`)].map(
    f.path,
  ),
  upperDir: place.upper,
  mergedDir: place.merged,
  workDir: place.work,
  volumes: [f.work, f.cache],
  tmpfs: [f.tmpfs("/tmp", "67108864")],
  limits: [
    { name: "memory", value: "536870912", use: "32505856" },
    { name: "swap", value: "0" },
    { name: "cpuset", value: "0-1" },
    { name: "pids", value: "128", use: "7" },
  ],
  memory: { reached: 3, kills: 1 },
  pressure: [
    { resource: "cpu", some: { avg10: 12.5, avg60: 3.17, avg300: 0.4 } },
    {
      resource: "memory",
      some: { avg10: 1.5, avg60: 0, avg300: 0 },
      full: { avg10: 0.75, avg60: 0, avg300: 0 },
    },
    { resource: "io", some: { avg10: 0, avg60: 0, avg300: 0 }, full: { avg10: 0, avg60: 0, avg300: 0 } },
  ],
  entry: {
    command: ["node", "test/all.js", "--grep", "a cart"],
    workdir: "/work",
    user: "1000:1000",
    hostname: "web-tests",
    network: "none",
    init: true,
    capabilities: { drop: ["NET_RAW"], add: ["SYS_PTRACE"] },
    env: [{ name: "CI", value: "1" }, { name: "TOKEN" }, { name: "TERM", passes: true }],
  },
};
const { upperDir: _upper, workDir: _work, memory: _memory, ...readOnly } = detail;

export const bare: EnvDetail = {
  ...readOnly,
  upper: { form: "none" },
  fileExists: false,
  state: "interrupted",
  volumes: [],
  tmpfs: [],
  limits: [],
  pressure: [],
  entry: {
    workdir: "/",
    hostname: "web-tests",
    network: "host",
    init: false,
    capabilities: { drop: [], add: [] },
    env: [],
  },
};

export const valid: ValidateReport = {
  files: ["web-tests", "api"].map((name) => ({
    file: f.path(`${f.HOME}/envs/${name}.yaml`),
    name,
    id: `${name}-931505fb` as EnvId,
    diagnostics: [],
  })),
};

export const oom: OomReport = {
  limit: "536870912",
  swap: "0",
  peak: "536870912",
  kills: 1,
  ranMs: 14_200,
  command: ["node", "test/all.js"],
  wasEntry: true,
  specLine: { file: f.FILE, line: 8 },
  removed: { name: "web-tests.r1", keepable: true },
};
