import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { thaw } from "#guard/freeze";
import { groupTree, processesIn, proveGroup, removeGroups } from "#guard/groups";
import { stopProcesses } from "#guard/stop";
import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { Failure, KernelError } from "#model/diagnostic";
import type { OwnedCgroup } from "#model/record";
import { linuxCgroups } from "#kernel/cgroups";
import { FakeKernel } from "#test/fake-kernel";
import { needs } from "#test/needs";
import { lookAtHost } from "#observe/host";
import { reader } from "./fixture.ts";

/** A lineage of this run's own: nobody else has groups below it. */
const owner = { lineage: process.pid.toString(16).padStart(8, "0") as Lineage, id: "web-0123abcd" as EnvId };
const cgroups = linuxCgroups();
const { hierarchies } = lookAtHost(reader);

/** The group of an environment in a hierarchy, with a tree below; whatever is left of it goes with the test. */
function group(t: TestContext, mount: AbsPath, version: 1 | 2, ...below: readonly string[]): OwnedCgroup {
  const top = join(mount, `envctl-${owner.lineage}`);
  const dir = join(top, owner.id) as AbsPath;
  for (const path of ["", ...below]) mkdirSync(join(dir, path), { recursive: true });
  t.after(() => {
    for (const pid of processesIn(reader, [dir])) process.kill(pid, "SIGKILL");
    for (const path of [...groupTree(reader, dir), top]) if (existsSync(path)) cgroupsRemove(path);
  });
  return { dir, version, controllers: [] };
}

const cgroupsRemove = (path: string): void => {
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      if (tries > 100) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
};

/** A shell that moved itself into a group and then does what the script says. */
async function inside(t: TestContext, dir: string, script: string): Promise<number> {
  const child = spawn("sh", ["-c", `echo 0 > "${dir}/cgroup.procs"; echo ready; ${script}`], {
    cwd: "/",
    stdio: ["pipe", "pipe", "ignore"],
  });
  t.after(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child.pid!;
}

const v1 =
  hierarchies.find((h) => h.version === 1 && h.controllers.includes("pids")) ??
  hierarchies.find((h) => h.version === 1);
const v2 = hierarchies.find((h) => h.version === 2);
const skipWithout = (h: unknown): { skip?: string } =>
  h === undefined ? { skip: "needs that hierarchy" } : needs("root");

for (const [name, hierarchy] of [
  ["v1", v1],
  ["v2", v2],
] as const) {
  test(
    `E16 on ${name}: all processes of all groups below are ended, and every group goes, the parent with the last`,
    skipWithout(hierarchy),
    async (t) => {
      const g = group(t, hierarchy!.mount, hierarchy!.version, "a/deep", "b");
      await inside(t, g.dir, "read line");
      await inside(t, join(g.dir, "a/deep"), "trap '' TERM INT; while :; do sleep 1; done");
      await inside(t, join(g.dir, "b"), "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait");
      assert.ok(processesIn(reader, [g.dir]).size >= 3);
      assert.throws(
        () =>
          removeGroups({ reader, cgroups: { ...cgroups, remove: (dir) => cgroups.remove(dir, 0) } }, owner, [
            g,
          ]),
        (error) => error instanceof KernelError && error.errno === "EBUSY",
      );
      assert.ok(stopProcesses({ reader, cgroups }, owner, [g]) >= 3);
      assert.equal(processesIn(reader, [g.dir]).size, 0);
      removeGroups({ reader, cgroups }, owner, [g]);
      assert.equal(existsSync(join(hierarchy!.mount, `envctl-${owner.lineage}`)), false);
      removeGroups({ reader, cgroups }, owner, [g]); // gone is fine
      assert.equal(stopProcesses({ reader, cgroups }, owner, [g]), 0);
    },
  );
}

const freezer = hierarchies.find((h) => h.version === 1 && h.controllers.includes("freezer"));

/** Freezes a v1 group, and sees that it is. */
async function freeze(dir: string): Promise<void> {
  writeFileSync(join(dir, "freezer.state"), "FROZEN");
  const state = (): string => readFileSync(join(dir, "freezer.state"), "utf8").trim();
  while (state() !== "FROZEN") await setTimeout(5);
}

test("what somebody froze in our groups is ended all the same", skipWithout(freezer), async (t) => {
  const g = group(t, freezer!.mount, 1, "1/deep");
  const run = join(g.dir, "1") as AbsPath;
  for (const frozen of ["", "1", "1/deep"]) {
    const pid = await inside(t, join(run, "deep"), "read line");
    await freeze(join(g.dir, frozen));
    process.kill(pid, "SIGKILL");
    await setTimeout(50);
    assert.equal(processesIn(reader, [g.dir]).size, 1, "SIGKILL alone does not end it");
    assert.equal(stopProcesses({ reader, cgroups }, owner, [{ ...g, dir: run }]), 1);
  }
});

test("what is frozen by another's group is said to be", skipWithout(freezer && v1), async (t) => {
  const g = group(t, v1!.mount, 1);
  const other = join(freezer!.mount, `somebodys-${process.pid}`);
  mkdirSync(join(other, "below"), { recursive: true });
  const pid = await inside(t, g.dir, `echo 0 > "${other}/below/cgroup.procs"; echo there; read line`);
  try {
    while (!readFileSync(join(other, "below/cgroup.procs"), "utf8").includes(`${pid}`)) await setTimeout(5);
    await freeze(other);
    const hasty = { ...cgroups, pause: () => undefined };
    assert.throws(
      () => stopProcesses({ reader, cgroups: hasty }, owner, [g]),
      (error) =>
        error instanceof Failure &&
        error.exit === 5 &&
        error.diagnostics[0]!.hint ===
          `somebody froze them; they end once they go on: echo THAWED > ${other}/freezer.state`,
    );
    assert.equal(readFileSync(join(other, "freezer.state"), "utf8").trim(), "FROZEN", "not ours to thaw");
  } finally {
    writeFileSync(join(other, "freezer.state"), "THAWED");
    process.kill(pid, "SIGKILL");
    for (const dir of [join(other, "below"), other]) cgroupsRemove(dir);
  }
});

test("v2: what is frozen goes on to take a signal that it handles", skipWithout(v2), async (t) => {
  const g = group(t, v2!.mount, 2, "1");
  const pid = await inside(t, join(g.dir, "1"), "trap exit TERM; while :; do sleep 0.01; done");
  writeFileSync(join(g.dir, "cgroup.freeze"), "1");
  process.kill(pid, "SIGTERM");
  await setTimeout(50);
  assert.ok(processesIn(reader, [g.dir]).has(pid));
  thaw({ reader, cgroups }, owner, [join(g.dir, "1") as AbsPath]);
  while (processesIn(reader, [g.dir]).size > 0) await setTimeout(5);
});

test("a process that forks without end is ended with all it started", skipWithout(v1), async (t) => {
  const g = group(t, v1!.mount, 1);
  if (v1!.controllers.includes("pids")) writeFileSync(join(g.dir, "pids.max"), "40");
  await inside(t, g.dir, "while :; do sh -c 'sleep 30 & sleep 0.01' & sleep 0.005; done");
  stopProcesses({ reader, cgroups }, owner, [g]);
  assert.equal(processesIn(reader, [g.dir]).size, 0);
  removeGroups({ reader, cgroups }, owner, [g]);
});

test("another environment's group beside keeps the parent", skipWithout(v1), (t) => {
  const g = group(t, v1!.mount, 1);
  const other = join(g.dir, "../other-0123abcd");
  mkdirSync(other);
  t.after(() => {
    if (existsSync(other)) rmdirSync(other);
  });
  removeGroups({ reader, cgroups }, owner, [g]);
  assert.deepEqual([existsSync(g.dir), existsSync(other)], [false, true]);
  rmdirSync(other);
  removeGroups({ reader, cgroups }, owner, [g]);
  assert.equal(
    readdirSync(v1!.mount).some((n) => n === `envctl-${owner.lineage}`),
    false,
  );
});

test("a group named by a number below an environment's is that of a run", () => {
  const dir = `/cg/pids/envctl-${owner.lineage}/${owner.id}` as AbsPath;
  proveGroup(owner, dir);
  proveGroup(owner, `${dir}/12` as AbsPath);
});

test("only envctl-LINEAGE/ID is ours to end and remove", () => {
  const k = new FakeKernel();
  k.hierarchy("/cg/pids", ["pids"]);
  for (const dir of [
    "/cg/pids/web-0123abcd",
    "/cg/pids/envctl-0badf00d/web-0123abcd",
    `/cg/pids/envctl-${owner.lineage}/x/../web-0123abcd`,
    `/cg/pids/envctl-${owner.lineage}`,
    `/cg/pids/envctl-${owner.lineage}/${owner.id}/x`,
    `/cg/pids/envctl-${owner.lineage}/${owner.id}/1/2`,
    "/cg/pids/web-0123abcd/1",
  ]) {
    const wrong: OwnedCgroup = { dir: dir as AbsPath, version: 1, controllers: [] };
    for (const act of [
      () => stopProcesses(k, owner, [wrong]),
      () => removeGroups(k, owner, [wrong]),
      () => proveGroup(owner, wrong.dir),
    ]) {
      assert.throws(act, (error) => error instanceof Failure && error.diagnostics[0]!.code === "refused");
    }
  }
  assert.deepEqual(k.calls, []);
});

test("a process that does not end is named, and this envctl does not end itself", () => {
  const k = new FakeKernel();
  k.hierarchy("/cg/pids", ["pids"]);
  const dir = `/cg/pids/envctl-${owner.lineage}/${owner.id}` as AbsPath;
  k.cgroups.create(`/cg/pids/envctl-${owner.lineage}` as AbsPath);
  k.cgroups.create(dir);
  k.process(31, { groups: [dir], command: "dd if=/dev/broken" });
  const g: OwnedCgroup = { dir, version: 1, controllers: ["pids"] };
  const deaf = { ...k.cgroups, kill: () => undefined };
  assert.throws(
    () => stopProcesses({ reader: k.reader, cgroups: deaf }, owner, [g]),
    (error) =>
      error instanceof Failure &&
      error.exit === 5 &&
      /31 dd if=\/dev\/broken/.test(error.diagnostics[0]!.detail!),
  );
  // What lives in a pid namespace that is not below ours shows as 0 (pid_namespaces(7)).
  k.process(0, { groups: [dir] });
  assert.throws(
    () => stopProcesses(k, owner, [g]),
    (error) => error instanceof Failure && error.exit === 5 && /another pid namespace/.test(error.message),
  );
  k.world.processes.delete(0);
  k.process(k.reader.pid, { groups: [dir] });
  assert.throws(
    () => stopProcesses(k, owner, [g]),
    (error) => error instanceof Failure && /runs inside/.test(error.message),
  );
  assert.equal(k.world.processes.has(31), true, "nothing was ended before that was seen");
});

test("another envctl that makes a group in the parent just now is no failure; another refusal is", () => {
  for (const [errno, fails] of [
    ["EBUSY", false],
    ["ENOENT", false],
    ["EPERM", true],
  ] as const) {
    const k = new FakeKernel();
    k.hierarchy("/cg/pids", ["pids"]);
    const parent = `/cg/pids/envctl-${owner.lineage}` as AbsPath;
    const dir = `${parent}/${owner.id}` as AbsPath;
    for (const d of [parent, dir]) k.cgroups.create(d);
    k.failAt(2, errno);
    const remove = (): void => removeGroups(k, owner, [{ dir, version: 1, controllers: ["pids"] }]);
    if (fails) assert.throws(remove, (error) => error instanceof KernelError && error.errno === errno);
    else remove();
    assert.deepEqual(k.calls.slice(2), [`cgroup.remove ${dir}`, `cgroup.remove ${parent}`]);
  }
});

test("v2: the whole group is killed at once", () => {
  const k = new FakeKernel();
  k.hierarchy("/cg", ["pids"], 2);
  const dir = `/cg/envctl-${owner.lineage}/${owner.id}` as AbsPath;
  for (const d of [`/cg/envctl-${owner.lineage}` as AbsPath, dir]) k.cgroups.create(d);
  k.process(31, { groups: [dir] });
  k.calls.length = 0;
  assert.equal(stopProcesses(k, owner, [{ dir, version: 2, controllers: ["pids"] }]), 1);
  assert.deepEqual(k.calls, [`cgroup.write ${dir}/cgroup.kill 1`]);
});
