import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { handDown, stepBack } from "#guard/aside";
import { FakeKernel } from "#test/fake-kernel";

const ROOT = "/sys/fs/cgroup" as AbsPath;
const BASE = `${ROOT}/work.scope` as AbsPath;
const ASIDE = `${BASE}/envctl-callers` as AbsPath;

/** A v2 host with a group that processes are in, this one among them where `self`. */
function host(self: boolean): FakeKernel {
  const k = new FakeKernel();
  k.hierarchy(ROOT, ["memory", "pids"], 2);
  k.cgroups.write(ROOT, "cgroup.subtree_control", "+memory +pids");
  k.cgroups.create(BASE);
  k.process(100, { groups: [BASE] });
  if (self) k.process(k.reader.pid, { groups: [BASE] });
  k.calls.length = 0;
  return k;
}

const groupOf = (k: FakeKernel, pid: number): AbsPath | undefined => k.world.processes.get(pid)?.groups[0];
const control = (k: FakeKernel): string => k.reader.text(`${BASE}/cgroup.subtree_control` as AbsPath).trim();

test("a group hands down what it does not yet, in one write; nothing is written twice", () => {
  const k = host(false);
  k.world.processes.clear();
  handDown(k, BASE, ["memory", "pids"]);
  assert.deepEqual(k.calls, [`cgroup.write ${BASE}/cgroup.subtree_control +memory +pids`]);
  handDown(k, BASE, ["pids"]);
  assert.equal(k.calls.length, 1);
  assert.equal(control(k), "memory pids");
});

test("where this process is in the group, all that are step aside first, and come back in the end", () => {
  const k = host(true);
  handDown(k, BASE, ["memory"]);
  assert.deepEqual([groupOf(k, 100), groupOf(k, k.reader.pid)], [ASIDE, ASIDE]);
  assert.equal(control(k), "memory");
  stepBack(k, BASE);
  assert.deepEqual([groupOf(k, 100), groupOf(k, k.reader.pid)], [BASE, BASE]);
  assert.deepEqual([control(k), k.reader.stat(ASIDE)], ["", undefined]);
});

test("processes of others are left where they are, and the kernel says why that cannot be", () => {
  const k = host(false);
  assert.throws(() => handDown(k, BASE, ["memory"]), { errno: "EBUSY" });
  assert.equal(groupOf(k, 100), BASE);
  assert.equal(k.reader.stat(ASIDE), undefined);
});

test("the root of all may hold processes: nobody is moved", () => {
  const k = host(false);
  k.process(k.reader.pid, { groups: [ROOT] });
  k.cgroups.write(ROOT, "cgroup.subtree_control", "-memory");
  handDown(k, ROOT, ["memory"]);
  assert.equal(groupOf(k, k.reader.pid), ROOT);
});

test("while others have groups there, those who stepped aside stay", () => {
  const k = host(true);
  handDown(k, BASE, ["memory"]);
  k.cgroups.create(`${BASE}/theirs` as AbsPath);
  stepBack(k, BASE);
  assert.equal(groupOf(k, 100), ASIDE);
  assert.equal(control(k), "memory");
});

test("who cannot come back stays aside, and that is no failure", () => {
  const k = host(true);
  handDown(k, BASE, ["memory"]);
  k.failOn(`cgroup.write ${BASE}/cgroup.procs`, "EACCES");
  stepBack(k, BASE);
  assert.equal(k.reader.stat(ASIDE)?.type, "dir");
});

test("a process that ended meanwhile is no failure", () => {
  const k = host(true);
  k.failOn(`cgroup.write ${ASIDE}/cgroup.procs 100`, "ESRCH");
  handDown(k, BASE, ["memory"]);
  assert.equal(groupOf(k, k.reader.pid), ASIDE);
});
