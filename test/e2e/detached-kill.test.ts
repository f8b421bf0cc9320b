// Detached runs and SIGKILL: of envctl while it starts one (row F21), of the supervisor, of both (row F20).
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { groupsOf } from "#test/cgroup";
import { detach, family, gone, psOf, runOf } from "#test/detached";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { SLOWNESS } from "#test/slow";
import { killAt, points, type Point } from "#test/strace";

guard();

const machine = needs("root", "overlay", "cgroup:pids");
const traced = needs("root", "overlay", "cgroup:pids", "program:strace");

const SLEEPY = ["web", "--", "sh", "-c", "sleep 1000000 & exec sleep 1000000"];

/** Processes that have a word on their command line. */
function processes(word: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(word);
    } catch {
      return false; // it ended
    }
  });
}

/** Groups of runs: `…/envctl-LINEAGE/ID/N`. */
const leaves = (p: Project): readonly string[] => groupsOf(p).filter((dir) => /\/\d+$/.test(dir));

/** From the first directory of the run to the word that lets its entry go, and what comes after. */
function window(all: readonly Point[]): {
  readonly before: readonly Point[];
  readonly after: readonly Point[];
} {
  const from = all.findIndex(({ line }) => line.startsWith("mkdirat(") && line.includes('"runs"'));
  const go = all.findIndex(({ line }) => /^write\(\d+<pipe:.*"go\\n"/.test(line));
  assert.ok(0 < from && from < go, "the calls are not what they were");
  return { before: all.slice(from, go + 1), after: all.slice(go + 1) };
}

test(
  "F21 run -d killed before its entry is let go: it never runs, least of all on the host, and nothing is left",
  traced,
  async (t) => {
    const p = project(t);
    for (const dir of ["inside", "host"]) mkdirSync(join(p.dir, dir));
    // Inside there is /marks and no p.dir; on the host it is the other way round.
    p.env("web", 'volumes: ["../inside:/marks"]\nlimits: { pids: 50 }\n');
    const words = ["run", "-d", "web", "--", "sh", "-c", `touch /marks/ran ${p.dir}/host/ran 2>/dev/null`];
    const marks = (): unknown => [readdirSync(join(p.dir, "inside")), readdirSync(join(p.dir, "host"))];
    p.ok(["apply", "web", "-y"]);
    p.ok(words);
    p.run(["wait", "web"]);
    assert.deepEqual(marks(), [["ran"], []]);
    p.ok(["rm", "web"]);
    const { before, after } = window(points(p, words).points);
    p.run(["wait", "web"]);
    p.ok(["rm", "web"]);
    const full = process.env["ENVCTL_SWEEP"] === "full";
    const step = SLOWNESS > 1 ? 20 : 8;
    for (const point of before.filter((_, i) => full || i % step === 0 || i >= before.length - 4)) {
      rmSync(join(p.dir, "inside/ran"), { force: true });
      killAt(p, words, point);
      await until("nothing of it lives", () => processes(`${p.dir}/host/ran`).length === 0);
      assert.deepEqual(marks(), [[], []], `killed at ${point.line}`);
      // What was left by it goes with the next command.
      p.ok(["run", "web", "--", "true"]);
      assert.deepEqual([psOf(p), leaves(p)], [[], []], `killed at ${point.line}`);
      assert.ok(!existsSync(p.place("web", "runs")), `killed at ${point.line}`);
    }
    // Let go it runs, whether envctl lives or not, and its status is kept.
    rmSync(join(p.dir, "inside/ran"), { force: true });
    killAt(p, words, after[0]!);
    assert.equal(p.run(["wait", "web"]).code, 1, "touch had no such directory");
    assert.deepEqual(marks(), [["ran"], []]);
    assert.equal(runOf(p, "web/1").status, 1);
  },
);

test(
  "F20 SIGKILL of a supervisor takes its run along; ps and drift say that it was lost, rm takes it away",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const { supervisor } = detach(p, SLEEPY);
    const other = detach(p, SLEEPY);
    await until("its child is there", () => family(supervisor).length === 3);
    const all = family(supervisor);
    process.kill(supervisor, "SIGKILL");
    await gone(all);
    assert.deepEqual(
      psOf(p).map(({ run, state }) => [run, state]),
      [
        ["web/1", "lost"],
        ["web/2", "running"],
      ],
    );
    assert.match(p.ok(["ps"]).stdout, /^web\/1 +lost +\S+ +- +unknown/m);
    const { findings } = p.json<{ findings: { address: string; fix: string }[] }>(["drift"], 2);
    assert.deepEqual(
      findings.map(({ address, fix }) => [address, fix]),
      [["web/1", "envctl rm web/1"]],
    );
    assert.match(p.ok(["wait", "web/1"], 125).stderr, /web\/1 ended without a status/);
    assert.match(p.ok(["exec", "web/1", "--", "true"], 125).stderr, /web\/1 is not running/);
    p.ok(["rm", "web/1"]);
    p.ok(["drift"]);
    assert.deepEqual(family(other.supervisor).length, 3, "the other one was left alone");
  },
);

test(
  "F11 after a reboot, or with its number another's, a run is lost and nobody is signalled",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const { pid, supervisor } = detach(p, SLEEPY);
    const record = join(runOf(p, "web/1").stdout, "../run.json");
    const text = readFileSync(record, "utf8");
    const run = JSON.parse(text) as { boot: string; supervisor: object; entry: object };
    const victim = detach(p, SLEEPY);
    const changed: readonly object[] = [
      { ...run, boot: "0e0e0e0e-0000-4000-8000-000000000000" },
      // The numbers of other processes, whose start is not the recorded one.
      { ...run, supervisor: { pid: victim.supervisor, start: "1" }, entry: { pid: victim.pid, start: "1" } },
    ];
    for (const other of changed) {
      writeFileSync(record, JSON.stringify(other));
      assert.equal(runOf(p, "web/1").state, "lost");
      for (const verb of ["stop", "kill"]) p.run([verb, "web/1"]);
      assert.equal(runOf(p, "web/2").state, "running");
    }
    assert.ok(family(victim.supervisor).length >= 2 && family(supervisor).includes(pid));
    writeFileSync(record, text);
    p.ok(["stop", "-t", "0", "web/1", "web/2"]);
  },
);
