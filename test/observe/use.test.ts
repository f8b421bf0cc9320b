import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import type { ObservedCgroup } from "#model/observed";
import { memoryTrouble, pressureOf, useOf } from "#observe/use";
import { FakeKernel } from "#test/fake-kernel";

const ROOT = "/sys/fs/cgroup" as AbsPath;
const DIR = `${ROOT}/web` as AbsPath;

function group(
  version: 1 | 2,
  files: Readonly<Record<string, string>>,
): [FakeKernel, readonly ObservedCgroup[]] {
  const k = new FakeKernel();
  k.hierarchy(ROOT, ["memory", "pids"], version);
  k.cgroups.create(DIR);
  for (const [name, text] of Object.entries(files)) k.disk.file(`${DIR}/${name}`, text);
  return [k, [{ dir: DIR, version, exists: true, values: {}, memoryUse: "4096", populated: false }]];
}

test("v2: what is in use, how often the limit was reached, who was killed, and what was waited for", () => {
  const [{ reader }, groups] = group(2, {
    "pids.current": "7\n",
    "memory.events": "low 0\nhigh 9\nmax 14\noom 3\noom_kill 2\noom_group_kill 0\n",
    "cpu.pressure": "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\n",
    "memory.pressure":
      "some avg10=0.00 avg60=2.00 avg300=0.10 total=1\nfull avg10=0.00 avg60=1.00 avg300=0.05 total=1\n",
  });
  assert.deepEqual([useOf(reader, groups, "memory"), useOf(reader, groups, "pids")], ["4096", "7"]);
  assert.equal(useOf(reader, groups, "cpus"), undefined);
  assert.deepEqual(memoryTrouble(reader, groups), { reached: 14, kills: 2 });
  assert.deepEqual(pressureOf(reader, groups), [
    { resource: "cpu", some: { avg10: 1.5, avg60: 0.25, avg300: 0 } },
    {
      resource: "memory",
      some: { avg10: 0, avg60: 2, avg300: 0.1 },
      full: { avg10: 0, avg60: 1, avg300: 0.05 },
    },
  ]);
});

test("v1: the limit's failures and the kills; nobody counts pressure by group", () => {
  const [{ reader }, groups] = group(1, {
    "memory.failcnt": "5\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "cpu.pressure": "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\n",
  });
  assert.deepEqual(memoryTrouble(reader, groups), { reached: 5, kills: 1 });
  assert.deepEqual(pressureOf(reader, groups), []);
});

test("a group that is gone, or without the controllers, says nothing", () => {
  const [{ reader }, groups] = group(2, { "cpu.pressure": "" });
  assert.deepEqual([memoryTrouble(reader, groups), useOf(reader, groups, "pids")], [undefined, undefined]);
  assert.deepEqual(pressureOf(reader, groups), []);
  const gone = groups.map((g) => ({ ...g, exists: false }));
  assert.deepEqual([memoryTrouble(reader, gone), pressureOf(reader, gone)], [undefined, []]);
});
