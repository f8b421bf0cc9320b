import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, EnvId } from "#model/brand";
import type { RunRecord } from "#model/detached";
import { lives, parseStatus, stateOfRun } from "#observe/runs";
import type { Reader } from "#ports/reader";
import { runFiles } from "#record/runs";

test("a status is a code, or a signal where the shell named one before it", () => {
  assert.deepEqual(parseStatus("code 0\nended\n"), { ending: { code: 0 }, oomKills: 0 });
  assert.deepEqual(parseStatus("code 137\noom_kill 0\nended\n"), { ending: { code: 137 }, oomKills: 0 });
  // As dash and busybox put it, and bash.
  assert.deepEqual(parseStatus("Killed\ncode 137\noom_kill 2\nended\n"), {
    ending: { signal: "SIGKILL" },
    oomKills: 2,
  });
  const bash = 'envctl: line 3: 459 Segmentation fault  ( exec "$@" 2>&0 )\ncode 139\nended\n';
  assert.deepEqual(parseStatus(bash)?.ending, { signal: "SIGSEGV" });
  // A shell's complaint about the counters comes later, and is no signal.
  const complaint = "code 137\nenvctl: 6: cannot open memory.events: No such file\nended\n";
  assert.deepEqual(parseStatus(complaint)?.ending, { code: 137 });
  assert.deepEqual(parseStatus("envctl: 3: setsid: not found\ncode 127\nended\n")?.ending, { code: 127 });
});

test("before its last line a status says nothing", () => {
  for (const text of ["", "Killed\n", "code 137\n", "code 137\noom_kill 1\nend"])
    assert.equal(parseStatus(text), undefined, text);
});

const FILES = runFiles("/state" as AbsPath, "web-0123abcd" as EnvId, 1);
const record: RunRecord = {
  format: "envctl.run/1",
  id: "web-0123abcd" as EnvId,
  name: "web",
  number: 1,
  phase: "started",
  command: ["true"],
  workdir: "/",
  user: { uid: 0, gid: 0, groups: [], home: "/", name: "" },
  boot: "today",
  startedAt: 100,
  supervisor: { pid: 50, start: "900" },
  entry: { pid: 51, start: "901" },
  cgroups: [],
};

/** Process 50, and what is in the run's directory. */
function reader(stat: string | undefined, files: Readonly<Record<string, string>> = {}): Reader {
  return {
    textAny: (path: string) => (path === "/proc/50/stat" ? stat : files[path]),
    stat: () => ({ mtimeNs: 114_200_000_000n }),
  } as unknown as Reader;
}
const statLine = (state: string, start: string): string =>
  `50 (odd ) name) ${[state, ...Array.from({ length: 18 }, () => "0"), start, "0"].join(" ")}\n`;

test("a process is the one it was by its start; a zombie is none", () => {
  assert.ok(lives(reader(statLine("S", "900")), record.supervisor));
  assert.ok(!lives(reader(statLine("S", "901")), record.supervisor));
  assert.ok(!lives(reader(statLine("Z", "900")), record.supervisor));
  assert.ok(!lives(reader(undefined), record.supervisor));
});

test("a run is running while its supervisor is, and lost without a status: after a reboot, or where the number is another's", () => {
  const state = (stat: string | undefined, boot = "today"): string =>
    stateOfRun(reader(stat), boot, record, FILES).state;
  assert.equal(state(statLine("S", "900")), "running");
  assert.equal(state(undefined), "lost");
  assert.equal(state(statLine("S", "77")), "lost");
  assert.equal(state(statLine("S", "900"), "tomorrow"), "lost");
});

test("a status is believed whatever became of the processes; SIGKILL stands for the signal that was meant", () => {
  const killed = { [FILES.status]: "Killed\ncode 137\nended\n" };
  const ended = { state: "ended", endedAt: 114.2, oomKills: 0 };
  assert.deepEqual(stateOfRun(reader(undefined, killed), "tomorrow", record, FILES), {
    ...ended,
    ending: { signal: "SIGKILL" },
  });
  const meant = { ...killed, [FILES.signal]: "SIGTERM\n" };
  assert.deepEqual(stateOfRun(reader(undefined, meant), "today", record, FILES), {
    ...ended,
    ending: { signal: "SIGTERM" },
  });
  const own = { [FILES.status]: "code 3\nended\n", [FILES.signal]: "SIGTERM\n" };
  assert.deepEqual(stateOfRun(reader(undefined, own), "today", record, FILES), {
    ...ended,
    ending: { code: 3 },
  });
});
