// What the machine does to envctl: reboots, signals, ten thousand mounts, readers that leave (rows F11, F14, F18 and F19).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";
import { occupant, until } from "#test/occupant";
import { portrait } from "#test/portrait";
import { type Project, project } from "#test/project";
import { signalledAt, standingAt } from "#test/signalled";
import { slow } from "#test/slow";

guard();

const machine = needs("root", "overlay", "mounts");
const BODY = 'volumes: ["../cache:/cache"]\ntmpfs: [{ target: /tmp, size: 1MiB }]\n';

function declared(t: Parameters<typeof project>[0], body = BODY): Project {
  const p = project(t);
  p.write("cache/file", "precious");
  p.env("web", body);
  return p;
}

/** A mount namespace of its own, in which things can be done to the whole machine; words to put before a command, and a shell there. */
async function world(p: Project): Promise<{ readonly before: readonly string[]; sh(script: string): void }> {
  const flag = join(p.dir, "world");
  const { pid } = occupant(p, [
    "unshare",
    "-m",
    "--propagation",
    "private",
    "sh",
    "-c",
    `: > ${flag}; exec sleep 1000`,
  ]);
  await until("the other world is there", () => existsSync(flag));
  const before = ["nsenter", "-t", `${pid}`, "-m"];
  return { before, sh: (script) => void execFileSync(before[0]!, [...before.slice(1), "sh", "-ec", script]) };
}

test("F11 after a reboot: said so, rebuilt, upper intact", machine, async (t) => {
  const p = declared(t);
  const { before, sh } = await world(p);
  const at = (...args: readonly string[]): string[] => ["-C", p.dir, ...args];
  p.ok(at("apply", "web", "-y"), 0, { before });
  p.ok(at("run", "web", "--", "sh", "-c", "echo kept > /made"), 0, { before });
  // As after a reboot: nothing is mounted, nothing runs, and the kernel has another boot id.
  const boot = p.write("boot_id", "01234567-89ab-cdef-0123-456789abcdef\n");
  sh(`umount -R ${p.place("web", "merged")}; mount --bind ${boot} /proc/sys/kernel/random/boot_id`);

  const { findings } = p.json<{ findings: { kind: string; address: string; fix: string }[] }>(
    at("drift"),
    2,
    { before },
  );
  assert.deepEqual(
    findings.map(({ kind, address, fix }) => [kind, address, fix]),
    [["rebooted", "web.overlay", "envctl apply web"]],
  );
  assert.match(p.ok(at("ls"), 0, { before }).stdout, /rebooted/);
  const { envs } = p.json<{ envs: { actions: { address: string; op: string; because?: string }[] }[] }>(
    at("plan", "web"),
    0,
    { before },
  );
  const changed = envs[0]!.actions.filter(({ op }) => op !== "keep");
  assert.deepEqual(
    changed.map(({ op, because }) => `${op} ${because}`),
    Array(3).fill("create rebooted"),
  );
  p.ok(at("apply", "web", "-y"), 0, { before });
  p.ok(at("drift"), 0, { before });
  assert.equal(p.ok(at("run", "web", "--", "cat", "/made"), 0, { before }).stdout, "kept\n");
});

test("F11 after a reboot destroy needs nothing to be mounted", machine, async (t) => {
  const p = declared(t);
  const { before, sh } = await world(p);
  p.ok(["-C", p.dir, "apply", "web", "-y"], 0, { before });
  const boot = p.write("boot_id", "01234567-89ab-cdef-0123-456789abcdef\n");
  sh(`umount -R ${p.place("web", "merged")}; mount --bind ${boot} /proc/sys/kernel/random/boot_id`);
  p.ok(["-C", p.dir, "destroy", "web", "-y"], 0, { before });
  assert.ok(!existsSync(join(p.state, "envs", "web")));
  assert.equal(p.read("cache/file"), "precious");
});

/** Whether what is mounted in the state directory shows elsewhere too: then apply's first mount is its directory's self-bind. */
function isShared(p: Project): boolean {
  const around = readMounts().filter(({ point }) =>
    `${p.dir}/`.startsWith(point === "/" ? point : `${point}/`),
  );
  const nearest = around.reduce((a, b) => (b.point.length >= a.point.length ? b : a));
  return nearest.line.split(" ").includes("shared");
}

/** An apply that is sent a signal while it stands at the call that attaches the overlay. */
function signalled(
  p: Project,
  signal: NodeJS.Signals,
  ...more: readonly string[]
): ReturnType<typeof signalledAt> {
  return signalledAt(p, isShared(p) ? 2 : 1, signal, ["apply", "web", "-y", ...more]);
}

const traced = needs("root", "overlay", "program:strace", "cgroup:pids");

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`F14 ${signal} in the middle: the step is finished, the rest undone, ${status}`, traced, async (t) => {
    const p = declared(t, `${BODY}limits: { pids: 20 }\n`);
    const { code, stderr } = await signalled(p, signal);
    assert.equal(code, status, stderr);
    assert.deepEqual([p.mounts(), p.cgroups()], [[], []], stderr);
    assert.ok(!existsSync(join(p.state, "envs/web")));
    p.ok(["drift"]);
    p.ok(["apply", "web", "-y"]);
  });
}

test("F14 with --on-error keep what was done stays, and the next apply goes on", traced, async (t) => {
  const p = declared(t, `${BODY}limits: { pids: 20 }\n`);
  const { code, stderr } = await signalled(p, "SIGINT", "--on-error", "keep");
  assert.equal(code, 130, stderr);
  assert.equal(p.mounts().length, 3, stderr);
  assert.deepEqual(p.cgroups(), []);
  const overlay = mountTree(p.state)[0];
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(mountTree(p.state)[0], overlay);
  p.ok(["drift"]);
});

test("F14 with --on-error keep nothing stays that no record names", traced, async (t) => {
  const p = declared(t);
  p.env("api");
  p.ok(["apply", "api", "-y"]);
  // The first directory it makes is the environment's own; the record comes after it.
  const { pid, ended } = await standingAt(p, "mkdirat", 1, ["apply", "web", "-y", "--on-error", "keep"]);
  process.kill(pid, "SIGINT");
  process.kill(pid, "SIGCONT");
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  p.ok(["drift"]);
  assert.deepEqual(readdirSync(join(p.state, "envs")), [p.id("api")]);
});

test("F14 in a replace: what stood before stands again", traced, async (t) => {
  const p = declared(t);
  p.ok(["apply", "web", "-y"]);
  writeFileSync(p.place("web", "merged/made"), "x");
  const before = portrait(p);
  p.write("layer/l", "");
  p.env("web", `lowers: [../layer]\n${BODY}`);
  const { code, stderr } = await signalled(p, "SIGINT");
  assert.equal(code, 130, stderr);
  assert.equal(portrait(p), before);
  assert.ok(existsSync(p.place("web", "merged/made")));
});

test("F18 ten thousand foreign mounts hardly slow it", machine, async (t) => {
  const p = declared(t);
  const { before, sh } = await world(p);
  const dir = join(p.dir, "many");
  mkdirSync(dir);
  const time = (...args: readonly string[]): number => {
    const times = [0, 1, 2].map(() => {
      const began = performance.now();
      p.ok(["-C", p.dir, ...args], 0, { before });
      return performance.now() - began;
    });
    return Math.min(...times);
  };
  p.ok(["-C", p.dir, "apply", "web", "-y"], 0, { before });
  const alone = time("plan", "web", "--detailed-exitcode");
  // Each recursive bind doubles what is there.
  sh(
    `mount -t tmpfs many ${dir}; cd ${dir}; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do mkdir $i; mount --rbind . $i; done; test $(wc -l < /proc/self/mountinfo) -gt 10000`,
  );
  const among = time("plan", "web", "--detailed-exitcode");
  assert.ok(
    among < alone + slow(500),
    `${Math.round(alone)} ms alone, ${Math.round(among)} ms among 16384 mounts`,
  );
  p.env("web", `lowers: [../cache]\n${BODY}`);
  for (const args of [
    ["apply", "web", "-y"],
    ["drift"],
    ["run", "--rm", "web", "--", "true"],
    ["destroy", "web", "-y"],
  ])
    p.ok(["-C", p.dir, ...args], 0, { before });
});

for (const [what, args, fd] of [
  ["standard output", ["apply", "web", "-y", "--json"], 1],
  ["standard error", ["apply", "web", "-y"], 2],
] as const) {
  test(`F19 with ${what} closed by its reader it completes`, machine, async (t) => {
    const p = declared(t);
    const child = p.start(args);
    child.stdio[fd]!.destroy();
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0);
    assert.equal(p.mounts().length, 3);
    p.ok(["plan", "web", "--detailed-exitcode"]);
    p.ok(["drift"]);
  });
}
