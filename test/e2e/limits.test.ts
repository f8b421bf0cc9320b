// Limits as the kernel has them: found by controller, written before anything runs, changed in place (rows E1 to E17).
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import {
  groupOf,
  groupsOf,
  hierarchies,
  hierarchy,
  limitOf,
  type LimitName,
  processesOf,
  sharesHere,
} from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { running } from "#test/running";

guard();

const ALL = needs("root", "overlay", "cgroup:memory", "cgroup:cpuset", "cgroup:cpu", "cgroup:pids");

/** The last CPU of this machine that is online. */
const LAST = /(\d+)\s*$/.exec(readFileSync("/sys/devices/system/cpu/online", "utf8"))![1]!;

const limits = (p: Project, name: string, text: string): string => p.env(name, `limits: { ${text} }\n`);

function reads(p: Project, name: string, expected: Partial<Record<LimitName, string>>): void {
  const names = Object.keys(expected) as LimitName[];
  assert.deepEqual(Object.fromEntries(names.map((limit) => [limit, limitOf(p, name, limit)])), expected);
}

/** Nothing is to be done, as the kernel shows things. */
function isSettled(p: Project, name: string): void {
  p.ok(["plan", "--detailed-exitcode", name]);
}

/** In a mount namespace of its own, where every hierarchy was moved below the first argument, under names nobody would guess. */
const MOVED = `
at=$0; cli="$1 $2"; n=0
for point in $POINTS; do n=$((n + 1)); mkdir "$at/odd, $n:\\\\"; mount --move "$point" "$at/odd, $n:\\\\" || exit 99; done
"$@" || exit
group=envctl-$(cat "$ENVCTL_STATE_DIR/lineage")
find "$at" -path "*/$group/web-*" \\( -name memory.max -o -name memory.limit_in_bytes -o -name pids.max \\) -exec cat {} +
$cli run web -- true && $cli drift >&2 && $cli destroy -y web || exit
find "$at" -name "$group"`;

test("E1 hierarchies are found through mountinfo, wherever they are mounted", ALL, (t) => {
  const p = project(t);
  limits(p, "web", "memory: 64MiB, pids: 77");
  const place = dirname(p.write("moved/x", ""));
  const points = new Set(["memory", "pids"].map((name) => hierarchy(name).point));
  const before = ["unshare", "-m", "sh", "-c", MOVED, place];
  const { stdout } = p.ok(["apply", "-y", "web"], 0, { before, env: { POINTS: [...points].join(" ") } });
  assert.deepEqual(stdout.split("\n").filter(Boolean).sort(), ["67108864", "77"]);
  assert.deepEqual(groupsOf(p), [], "and nothing is left of it");
});

/** In a mount namespace of its own, where an empty directory hides what is mounted at the first argument; what is made there is listed. */
const HIDDEN = `mount -t tmpfs none "$0" || exit 99; "$@"; code=$?; find "$0" -mindepth 1 > "$LEFT"; exit $code`;

for (const [what, args, code] of [
  ["plan", ["plan", "web"], 3],
  ["apply", ["apply", "-y", "web"], 3],
  ["run", ["run", "web"], 125],
  ["run --rm", ["run", "--rm", "web"], 125],
] as const) {
  test(`E2 ${what} where a controller is absent: an error that names it, and no ordinary file`, ALL, (t) => {
    const p = project(t);
    p.env("web", "limits:\n  memory: 64MiB\nvolumes: [../out:/out]\nentry: { command: touch /out/ran }\n");
    p.write("out/here", "");
    const left = join(p.dir, "left");
    const before = ["unshare", "-m", "sh", "-c", HIDDEN, hierarchy("memory").point];
    const { stderr } = p.ok(args, code, { before, env: { LEFT: left } });
    assert.match(stderr, /^envs\/web\.yaml:5:11: .*no cgroup hierarchy with the\s+memory\s+controller/m);
    assert.match(stderr, /^ {3}5 \| {3}memory: 64MiB$/m);
    assert.equal(readFileSync(left, "utf8"), "");
    assert.deepEqual(p.mounts(), []);
    assert.equal(p.exists("out/ran"), false, "the entry did not run");
    if (existsSync(p.state)) assert.deepEqual(groupsOf(p), []);
  });
}

test("E3 each limit lies in the hierarchy that has its controller, and nowhere else", ALL, (t) => {
  const p = project(t);
  limits(p, "web", `memory: 64MiB, swap: 0, cpuset: 0, cpus: 0.5, cpu_shares: 512, pids: 100`);
  limits(p, "one", "pids: 5");
  p.ok(["apply", "-y", "web", "one"]);
  const wanted = new Set(["memory", "cpuset", "cpu", "pids"].map((name) => hierarchy(name).point));
  const has = (name: string): string[] =>
    hierarchies()
      .map(({ point }) => point)
      .filter((point) => existsSync(join(point, `envctl-${p.lineage()}`, p.id(name))));
  assert.deepEqual(new Set(has("web")), wanted);
  assert.deepEqual(has("one"), [hierarchy("pids").point]);
  const expected = { memory: "67108864", swap: "0", cpuset: "0", cpus: "0.5", pids: "100" };
  reads(p, "web", { ...expected, cpu_shares: sharesHere(512, 59) });
  const shown = p.json<{ limits: object }>(["show", "web"]).limits;
  const numbers = { memory: 67108864, swap: 0, cpuset: "0", cpus: 0.5, cpu_shares: 512, pids: 100 };
  assert.deepEqual(shown, numbers);
  isSettled(p, "web");
});

test("E4 100MiB reads 104857600, whatever the spelling; what the kernel rounds is no drift", ALL, (t) => {
  const p = project(t);
  const steps = [
    ["100MiB", "104857600"],
    ["67108864", "67108864"],
    ["100m", "104857600"],
    ["1000000", "999424"],
    ["0.0625Gb", "67108864"],
    ["102400 KiB", "104857600"],
  ] as const;
  for (const [text, bytes] of steps) {
    limits(p, "web", `memory: ${text}`);
    p.ok(["apply", "-y", "-q", "web"]);
    reads(p, "web", { memory: bytes });
    isSettled(p, "web");
  }
});

test("E5 what is no size is refused at validate, pointed at", needs("root"), (t) => {
  const p = project(t);
  const wrong = ["abc", "100mb!", "-1", "1e999", "0x100", '"1,5G"', "''", "9999999999G", ".inf", "1 000"];
  const names = wrong.map((text, i) => {
    limits(p, `e${i}`, `memory: ${text}`);
    return `e${i}`;
  });
  const { stderr } = p.ok(["validate", ...names], 3);
  for (const name of names) assert.match(stderr, new RegExp(`^envs/${name}\\.yaml:4:19: `, "m"), stderr);
  assert.match(stderr, /^10 errors in 10 files\./m);
  assert.equal(existsSync(p.state), false);
});

test("E6 a cpuset has CPUs and nodes before its first task; nodes are the parent's", ALL, (t) => {
  const p = project(t);
  const { point, version } = hierarchy("cpuset");
  const nodes = readFileSync(join(point, version === 1 ? "cpuset.mems" : "cpuset.mems.effective"), "utf8");
  limits(p, "web", `cpuset: ${LAST}`);
  const { stdout } = p.ok(["run", "web", "--", "grep", "Mems_allowed_list", "/proc/self/status"]);
  assert.equal(stdout.split(/\s+/)[1], nodes.trim());
  const group = groupOf(p, "web", "cpuset");
  assert.equal(readFileSync(join(group, "cpuset.cpus"), "utf8").trim(), LAST);
  if (version === 1) assert.equal(readFileSync(join(group, "cpuset.mems"), "utf8"), nodes);
  limits(p, "nodes", "cpuset_mems: 0");
  p.ok(["run", "nodes", "--", "true"]);
  p.ok(["run", "--rm", "nodes", "--", "true"]);
  reads(p, "nodes", { cpuset_mems: "0" });
});

test("E7 CPUs and nodes this host does not have are refused at plan", ALL, (t) => {
  const p = project(t);
  p.env("web", "limits:\n  cpuset: 0-4096\n  cpuset_mems: 1023\n");
  const { stderr } = p.ok(["plan", "web"], 3);
  const online = readFileSync("/sys/devices/system/cpu/online", "utf8").trim();
  assert.match(stderr, new RegExp(`^envs/web\\.yaml:5:11: this host has CPUs ${online} only$`, "m"));
  assert.match(stderr, /^envs\/web\.yaml:6:16: this host has memory nodes 0.* only$/m);
  assert.match(stderr, /^ {3}5 \| {3}cpuset: 0-4096\n {5}\| {11}\^{6}$/m);
  p.ok(["run", "--rm", "web", "--", "true"], 125);
  p.ok(["apply", "-y", "web"], 3);
});

test("E8 Cpus_allowed_list inside is the declaration", ALL, (t) => {
  const p = project(t);
  const allowed = (...run: string[]): string | undefined =>
    p
      .ok(["run", ...run, "web", "--", "grep", "Cpus_allowed_list", "/proc/self/status"])
      .stdout.split(/\s+/)[1];
  for (const [cpus, shown] of new Map([
    ["0", "0"],
    [LAST, LAST],
    [`0,${LAST}`, LAST === "0" ? "0" : LAST === "1" ? "0-1" : `0,${LAST}`],
  ])) {
    limits(p, "web", `cpuset: "${cpus}"`);
    assert.equal(allowed(), shown);
    assert.equal(allowed("--rm"), shown);
    reads(p, "web", { cpuset: shown });
  }
});

test("E9 shares and quotas the kernel clamps or rounds are no drift", ALL, (t) => {
  const p = project(t);
  for (const text of [
    "cpu_shares: 2",
    "cpu_shares: 3",
    "cpu_shares: 262144",
    "cpus: 0.01",
    "cpus: 0.333333333",
    "cpus: 64",
  ]) {
    limits(p, "web", text);
    p.ok(["apply", "-y", "-q", "web"]);
    isSettled(p, "web");
  }
});

test("E10 shares become the weight of the OCI formula on v2, and stay shares on v1", ALL, (t) => {
  const p = project(t);
  for (const [shares, weight] of [
    [1024, 100],
    [512, 59],
    [2, 1],
  ] as const) {
    limits(p, "web", `cpu_shares: ${shares}`);
    p.ok(["apply", "-y", "-q", "web"]);
    reads(p, "web", { cpu_shares: sharesHere(shares, weight) });
  }
  p.env("web");
  p.ok(["apply", "-y", "-q", "web"]);
  p.ok(["run", "web", "--", "true"]);
});

test("E12 memory and swap go up and down in the order the kernel takes", ALL, (t) => {
  const p = project(t);
  const MiB = 2 ** 20;
  const steps = [
    [64, 0],
    [128, 64],
    [256, 0],
    [64, 256],
    [64, 0],
    [96, undefined],
    [48, 16],
    [undefined, undefined],
    [64, 0],
  ] as const;
  for (const [memory, swap] of steps) {
    const text = [
      ...(memory === undefined ? [] : [`memory: ${memory}MiB`]),
      ...(swap === undefined ? [] : [`swap: ${swap}MiB`]),
    ];
    limits(p, "web", [...text, "pids: 50"].join(", "));
    const { stderr } = p.ok(["apply", "-y", "web"]);
    const [, told = `${(memory ?? 0) * MiB}`] = /limit +memory +\d+ MiB, read back (\d+)/.exec(stderr) ?? [];
    assert.equal(told, `${(memory ?? 0) * MiB}`, stderr);
    if (memory !== undefined)
      reads(p, "web", { memory: `${memory * MiB}`, swap: swap === undefined ? "max" : `${swap * MiB}` });
    isSettled(p, "web");
  }
});

test("E15 a changed limit is updated in place: mounts and running processes stay", ALL, async (t) => {
  const p = project(t);
  const body = (memory: string, more: string): string =>
    `volumes: [../out:/out]\nlimits: { memory: ${memory}, pids: 50${more} }\n`;
  p.write("out/here", "");
  p.env("web", body("64MiB", ""));
  await running(p, ["run", "web", "--", "sh", "-c", "echo up; exec sleep 600"]);
  const mounts = mountTree(p.state);
  const [pid] = processesOf(p);
  p.env("web", body("96MiB", ", cpus: 0.5"));
  const { envs } = p.json<{ envs: { actions: { address: string; op: string; changes?: unknown }[] }[] }>([
    "plan",
    "web",
  ]);
  const changed = envs[0]!.actions.filter(({ op }) => op !== "keep").map(({ address, op }) => [address, op]);
  assert.deepEqual(changed, [
    ["web.limit.memory", "update"],
    ["web.limit.cpus", "create"],
  ]);
  p.ok(["apply", "-y", "web"]);
  reads(p, "web", { memory: "100663296", pids: "50", cpus: "0.5" });
  assert.deepEqual(mountTree(p.state), mounts);
  assert.ok(processesOf(p).includes(pid!));
  p.env("web", body("96MiB", ""));
  p.ok(["apply", "-y", "web"]);
  assert.deepEqual(mountTree(p.state), mounts);
  isSettled(p, "web");
});

test("E17 an environment named like a control file works", ALL, (t) => {
  const p = project(t);
  limits(p, "tasks", "memory: 64MiB, pids: 20, cpuset: 0, cpus: 1");
  const { stdout } = p.ok(["run", "tasks", "--", "hostname"]);
  assert.equal(stdout, "tasks\n");
  reads(p, "tasks", { memory: "67108864", pids: "20", cpuset: "0", cpus: "1" });
  p.ok(["run", "--rm", "tasks", "--", "true"]);
  p.ok(["destroy", "-y", "tasks"]);
  assert.deepEqual(groupsOf(p), []);
});
