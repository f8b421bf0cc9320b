import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { exitStatus, signalName, signalNumber } from "#model/launch";
import { memoryState, oomReport } from "#launch/ending";

const files = (content: Readonly<Record<string, string>>) => ({ textAny: (path: AbsPath) => content[path] });
const group = (version: 1 | 2, controllers: readonly string[]) => ({
  dir: "/cg/x" as AbsPath,
  version,
  controllers,
});

test("the exit code is the command's own, or 128 and the signal's number", () => {
  assert.equal(exitStatus({ code: 0 }), 0);
  assert.equal(exitStatus({ code: 255 }), 255);
  assert.equal(exitStatus({ signal: "SIGKILL" }), 137);
  assert.equal(exitStatus({ signal: "SIGTERM" }), 143);
  assert.equal(exitStatus({ signal: "SIG34" }), 162);
});

test("signals have Linux's names and numbers", () => {
  for (const [number, name] of [
    [1, "SIGHUP"],
    [2, "SIGINT"],
    [9, "SIGKILL"],
    [11, "SIGSEGV"],
    [15, "SIGTERM"],
    [17, "SIGCHLD"],
    [19, "SIGSTOP"],
    [28, "SIGWINCH"],
    [31, "SIGSYS"],
    [34, "SIG34"],
  ] as const) {
    assert.equal(signalName(number), name);
    assert.equal(signalNumber(name), number);
  }
  assert.equal(signalNumber("TERM"), 15);
  for (const none of ["SIGNOPE", "", "0", "65", "SIG-1"]) assert.equal(signalNumber(none), undefined);
});

test("v1: limit, swap beyond it, peak and kills", () => {
  const reader = files({
    "/cg/x/memory.limit_in_bytes": "536870912\n",
    "/cg/x/memory.memsw.limit_in_bytes": "805306368\n",
    "/cg/x/memory.max_usage_in_bytes": "1234\n",
    "/cg/x/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
  });
  const state = memoryState(reader, [group(1, ["pids"]), group(1, ["memory"])]);
  assert.deepEqual(state, { kills: 3, limit: "536870912", swap: "268435456", peak: "1234" });
});

test("v1: the largest number means no limit; without swap accounting nothing is said of it", () => {
  const free = files({
    "/cg/x/memory.limit_in_bytes": "9223372036854771712\n",
    "/cg/x/memory.memsw.limit_in_bytes": "9223372036854771712\n",
  });
  assert.deepEqual(memoryState(free, [group(1, ["memory"])]), { kills: 0 });
  assert.deepEqual(memoryState(files({ "/cg/x/memory.limit_in_bytes": "4096\n" }), [group(1, ["memory"])]), {
    kills: 0,
    limit: "4096",
  });
});

test("v2: `max` means no limit", () => {
  const reader = files({
    "/cg/x/memory.max": "536870912\n",
    "/cg/x/memory.swap.max": "0\n",
    "/cg/x/memory.peak": "536870000\n",
    "/cg/x/memory.events": "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 0\n",
  });
  assert.deepEqual(memoryState(reader, [group(2, ["memory"])]), {
    kills: 2,
    limit: "536870912",
    swap: "0",
    peak: "536870000",
  });
  assert.deepEqual(memoryState(files({ "/cg/x/memory.max": "max\n" }), [group(2, ["memory"])]), { kills: 0 });
});

test("a run's own group counts, the environment's around it limits", () => {
  const reader = files({
    "/cg/memory.max": "4096\n",
    "/cg/memory.swap.max": "0\n",
    "/cg/memory.events": "oom_kill 9\n",
    "/cg/x/memory.max": "max\n",
    "/cg/x/memory.peak": "4000\n",
    "/cg/x/memory.events": "oom_kill 1\n",
  });
  assert.deepEqual(memoryState(reader, [group(2, ["memory"])]), {
    kills: 1,
    limit: "4096",
    swap: "0",
    peak: "4000",
  });
});

test("a group without the memory controller says nothing", () => {
  assert.equal(memoryState(files({}), [group(2, ["pids"])]), undefined);
});

test("a report is of what was killed during the run", () => {
  const run = { ending: { signal: "SIGKILL" }, ranMs: 14200, command: ["node", "all.js"] } as const;
  assert.deepEqual(oomReport({ kills: 1 }, { kills: 2, limit: "512", peak: "512" }, run), {
    limit: "512",
    peak: "512",
    kills: 1,
    ranMs: 14200,
    command: ["node", "all.js"],
    wasEntry: true,
  });
  assert.equal(oomReport({ kills: 0 }, { kills: 4 }, { ...run, ending: { code: 0 } })?.wasEntry, false);
  assert.equal(oomReport({ kills: 2 }, { kills: 2 }, run), undefined);
  assert.equal(oomReport(undefined, undefined, run), undefined);
});
