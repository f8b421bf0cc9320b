import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { join, type AbsPath } from "#model/brand";
import type { OwnedCgroup } from "#model/record";
import { linuxLaunch } from "#kernel/launch";
import { linuxReader } from "#kernel/reader";
import { exitStatus } from "#model/launch";
import { start, type Launched } from "#launch/launch";
import { readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";
import { scratch } from "./fixture.ts";
import { assertUnchanged, launch, launchOf, NOT_ASKED, prepareDir, type Job } from "./launch-fixture.ts";

const real = (...controllers: readonly string[]) =>
  needs(
    "root",
    "mounts",
    "overlay",
    "program:busybox",
    "program:setpriv",
    ...controllers.map((name) => `cgroup:${name}` as const),
  );

const clock = { now: () => Date.now() / 1000, monotonic: () => performance.now(), pause: () => undefined };
const reader = linuxReader({ uid: 0, pid: process.pid });
const port = linuxLaunch({ outside: NOT_ASKED, onChild: (wake) => void process.on("SIGCHLD", wake) });

/** Groups and entries of one test, taken away in the right order. */
class Bench {
  readonly #t: TestContext;
  readonly #entries: Launched[] = [];
  readonly #dirs: string[] = [];

  constructor(t: TestContext) {
    this.#t = t;
    t.after(async () => {
      for (const entry of this.#entries) entry.deliver("SIGKILL");
      await Promise.all(this.#entries.map((entry) => entry.outcome));
      for (const dir of this.#dirs.reverse())
        for (let tries = 0; !removed(dir) && tries < 100; tries++) await setTimeout(20);
    });
  }

  /** An environment of its own. */
  dir(): AbsPath {
    return prepareDir(scratch(this.#t));
  }

  start(job: Job): Launched {
    const { spec, build } = launchOf(job);
    const entry = start({ launch: port, reader, clock }, spec, build);
    this.#entries.push(entry);
    return entry;
  }

  /** A group with these controllers, one directory a hierarchy. */
  groups(...controllers: readonly string[]): readonly OwnedCgroup[] {
    const made = new Map<string, OwnedCgroup>();
    for (const controller of controllers) {
      const v1 = readMounts().find((mount) => mount.type === "cgroup" && mount.options.includes(controller));
      const mount = v1 ?? readMounts().find((it) => it.type === "cgroup2")!;
      const version = v1 === undefined ? 2 : 1;
      const parent = join(mount.point as AbsPath, `envctl-launch-${process.pid}`);
      const dir = join(parent, "entry");
      if (!made.has(dir)) this.#make(parent, dir, version === 2 ? controllers : []);
      made.set(dir, { dir, version, controllers: [...(made.get(dir)?.controllers ?? []), controller] });
    }
    return [...made.values()];
  }

  #make(parent: AbsPath, dir: AbsPath, enable: readonly string[]): void {
    this.#dirs.push(parent, dir);
    mkdirSync(parent);
    if (enable.length > 0)
      writeFileSync(join(parent, "cgroup.subtree_control"), enable.map((name) => `+${name}`).join(" "));
    mkdirSync(dir);
  }
}

/** rmdir(2); an entry that was just killed may still be leaving. */
function removed(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch {
    return !existsSync(dir);
  }
}

function limit(
  group: OwnedCgroup,
  v1: readonly [file: string, value: string],
  v2: readonly [file: string, value: string],
): void {
  const [file, value] = group.version === 1 ? v1 : v2;
  writeFileSync(join(group.dir, file), value);
}

test(
  "the entry is in its groups, which are the roots of its cgroup namespace (E13)",
  real("memory", "pids"),
  async (t) => {
    const bench = new Bench(t);
    const dir = bench.dir();
    const cgroups = bench.groups("memory", "pids");
    const entry = bench.start({
      dir,
      cgroups,
      command: ["sh", "-c", "cat /proc/self/cgroup >/seen; exec sleep 1000"],
    });
    for (const group of cgroups)
      assert.equal(readFileSync(join(group.dir, "cgroup.procs"), "utf8").split("\n")[0], `${entry.pid}`);
    const seen = join(dir, "upper/seen");
    while (!existsSync(seen) || !/^0::|:pids:.*\n/m.test(readFileSync(seen, "utf8"))) await setTimeout(2);
    const lines = readFileSync(seen, "utf8").split("\n");
    for (const group of cgroups) {
      const line = lines.find((it) =>
        group.version === 2
          ? it.startsWith("0::")
          : it.split(":")[1]!.split(",").includes(group.controllers[0]!),
      );
      assert.equal(line?.split(":").at(-1), "/");
    }
    entry.deliver("SIGTERM");
    const { ending } = await entry.outcome;
    assert.deepEqual(ending, { signal: "SIGTERM" });
    assert.equal(exitStatus(ending), 143);
  },
);

test("limits hold from the entry's first instruction on", real("pids"), async (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const cgroups = bench.groups("pids");
  limit(cgroups[0]!, ["pids.max", "1"], ["pids.max", "1"]);
  const { stdout, stderr, ending } = launch({
    dir,
    cgroups,
    command: ["sh", "-c", "(echo forked); echo still here"],
  });
  assert.doesNotMatch(stdout, /forked/);
  assert.match(stderr, /fork/);
  assert.notDeepEqual(ending, { code: 0 });
});

test("over its memory the entry is killed; the group's counters tell (E11)", real("memory"), async (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const cgroups = bench.groups("memory");
  limit(cgroups[0]!, ["memory.limit_in_bytes", "16M"], ["memory.max", "16M"]);
  const command = ["dd", "if=/dev/zero", "of=/dev/shm/fill", "bs=1M", "count=256"];
  const { ending, oom } = await bench.start({ dir, cgroups, command }).outcome;
  assert.deepEqual(ending, { signal: "SIGKILL" });
  assert.equal(exitStatus(ending), 137);
  assert.equal(oom?.kills, 1);
  assert.equal(oom.wasEntry, true);
  assert.equal(oom.limit, String(16 << 20));
  assert.ok(Number(oom.peak) > 15 << 20 && Number(oom.peak) <= 17 << 20, `peak ${oom.peak}`);
  assert.deepEqual(oom.command, command);
});

test("a child killed for memory is told apart from the entry", real("memory"), async (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const cgroups = bench.groups("memory");
  limit(cgroups[0]!, ["memory.limit_in_bytes", "16M"], ["memory.max", "16M"]);
  const script = "dd if=/dev/zero of=/dev/shm/fill bs=1M count=256; rm /dev/shm/fill; exit 3";
  const { ending, oom } = await bench.start({ dir, cgroups, command: ["sh", "-c", script] }).outcome;
  assert.deepEqual(ending, { code: 3 });
  assert.deepEqual([oom?.kills, oom?.wasEntry], [1, false]);
});

test("a run that stays within its limits has no such report", real("memory"), async (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const { ending, oom } = await bench.start({ dir, cgroups: bench.groups("memory"), command: ["true"] })
    .outcome;
  assert.deepEqual([ending, oom], [{ code: 0 }, undefined]);
});

test("a group that takes nobody fails the launch before the entry ran", real("cpuset"), (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const cgroups = bench.groups("cpuset");
  if (cgroups[0]!.version === 2) return t.skip("needs cpuset on v1: only there a group can have no CPUs");
  const outcome = launch({ dir, cgroups, command: ["sh", "-c", "echo ran >/ran"] });
  assert.equal(outcome.failure?.exit, 125);
  assert.equal(outcome.failure?.summary, `the kernel refused to put the entry into ${cgroups[0]!.dir}`);
  assertUnchanged(outcome);
  assert.equal(existsSync(join(dir, "upper/ran")), false);
});

test("several entries of one process end on their own and are told apart", real(), async (t) => {
  const bench = new Bench(t);
  const dir = bench.dir();
  const first = bench.start({ dir, command: ["sh", "-c", "sleep 0.2; exit 4"] });
  const other = bench.start({ dir: bench.dir(), command: ["sh", "-c", "exit 5"] });
  const endings = await Promise.all([first.outcome, other.outcome]);
  assert.deepEqual(
    endings.map((it) => it.ending),
    [{ code: 4 }, { code: 5 }],
  );
});

test(
  "an entry that catches a signal gets it; the keyboard's reach its whole process group",
  real(),
  async (t) => {
    const bench = new Bench(t);
    const dir = bench.dir();
    const catches = bench.start({
      dir,
      command: ["sh", "-c", "trap 'exit 9' TERM; echo ready >/ready; while :; do sleep 0.01; done"],
    });
    while (!existsSync(join(dir, "upper/ready"))) await setTimeout(2);
    catches.deliver("SIGTERM");
    assert.deepEqual((await catches.outcome).ending, { code: 9 });
    const second = bench.dir();
    const waits = bench.start({
      dir: second,
      command: ["sh", "-c", "trap 'echo $? >/status' INT; echo ready >/ready; sleep 1000; exit 6"],
    });
    while (!existsSync(join(second, "upper/ready"))) await setTimeout(2);
    const children = (): string =>
      readFileSync(`/proc/${waits.pid}/task/${waits.pid}/children`, "utf8").trim();
    const sleeps = (): boolean =>
      children() !== "" && readFileSync(`/proc/${children()}/cmdline`, "utf8").startsWith("sleep\0");
    while (!sleeps()) await setTimeout(2);
    waits.deliver("SIGINT");
    assert.deepEqual(
      (await waits.outcome).ending,
      { code: 6 },
      "sleep was interrupted, the shell's trap ran, and it went on",
    );
  },
);
