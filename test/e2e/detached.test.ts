// Runs that outlive their command: started, looked at, ended and forgotten (row E28).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { groupsOf } from "#test/cgroup";
import { detach, gone, psOf, type Run, runOf, stat } from "#test/detached";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { CLI, type Project, project } from "#test/project";
import { running } from "#test/running";
import { trace } from "#test/strace";

guard();

const machine = needs("root", "overlay", "cgroup:pids");
const terminal = needs("root", "overlay", "cgroup:pids", "program:script");
const memory = needs("root", "overlay", "cgroup:memory");

/** An entry that ends with 3 when it is asked to. */
const PATIENT = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done";

const sh = (name: string, script: string): readonly string[] => [name, "--", "sh", "-c", script];
const states = (p: Project): readonly string[] => psOf(p).map(({ run, state }) => `${run} ${state}`);
/** Groups of runs: `…/envctl-LINEAGE/ID/N`. */
const leaves = (p: Project): readonly string[] => groupsOf(p).filter((dir) => /\/\d+$/.test(dir));

test("E28 a detached run is started, waited for, heard, shown and forgotten", machine, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  const script = "echo out; echo err >&2; exit 7";
  assert.equal(p.ok(["run", "-d", ...sh("web", script)]).stdout, "web/1\n");
  assert.deepEqual(p.run(["wait", "web/1"]), { code: 7, signal: null, stdout: "7\n", stderr: "" });
  const run = runOf(p, "web/1");
  assert.deepEqual(
    [run.state, run.status, run.signal, run.oom_kills, run.command, run.pid],
    ["ended", 7, undefined, 0, ["sh", "-c", script], undefined],
  );
  assert.ok(run.ran_ms! < 60_000 && Date.parse(run.ended_at!) >= Date.parse(run.started_at));
  // By its environment's name too, since it is the last one.
  assert.deepEqual(p.run(["logs", "web"]), { code: 0, signal: null, stdout: "out\n", stderr: "err\n" });
  assert.match(p.ok(["ps"]).stdout, /^web\/1 +ended +\d+s +- +exit 7 +sh -c/m);
  assert.equal(p.ok(["ps", "-q", "web"]).stdout, "web/1\n");
  assert.match(p.ok(["show", "web"]).stdout, /Runs\n +web\/1 +ended +\d+s +exit 7, ran/);
  assert.deepEqual(leaves(p), [], "the group of a run that is over is gone");
  const dir = join(run.stdout, "..");
  for (const file of readdirSync(dir)) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
  p.ok(["rm", "web/1"]);
  assert.deepEqual(psOf(p), []);
  const [again] = p.json<{ runs: Run[] }>(["run", "-d", ...sh("web", "true")].toSpliced(2, 0, "--json")).runs;
  assert.deepEqual([again!.run, again!.state, typeof again!.pid], ["web/1", "running", "number"]);
  p.run(["wait", "web"]);
  p.ok(["rm", "web"]);
  assert.ok(!existsSync(p.place("web", "runs")));
});

test(
  "E28 a run in front has no group of the number that an ended detached one is known by",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["run", "-d", ...sh("web", "true")]);
    p.ok(["wait", "web/1"]);
    const { child, ended } = await running(p, ["run", ...sh("web", PATIENT)]);
    assert.deepEqual(
      leaves(p).map((dir) => dir.replace(/.*\//, "")),
      ["2"],
    );
    p.ok(["rm", "web/1"]);
    child.kill("SIGTERM");
    assert.equal((await ended).code, 3);
    assert.deepEqual(leaves(p), []);
  },
);

test(
  "E28 nothing of the inside is held any more once the entry is let go: it may unmount its own /dev/pts",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = project(t);
    p.env("web", "");
    p.ok(["apply", "web", "-y"]);
    for (const words of [["--rm"], ["-d"]]) {
      const { result, calls } = trace(p, ["run", ...words, "web", "--", "true"]);
      assert.equal(result.code, 0, result.stderr);
      const own = calls.filter(({ main }) => main);
      const go = own.findIndex(({ name, args }) => name === "write" && args.includes('"go\\n"'));
      assert.ok(go > 0);
      const after = own.slice(go + 1);
      const closed = after.slice(
        0,
        after.findIndex(({ name }) => name !== "close"),
      );
      assert.ok(closed.length <= 1, closed.map(({ line }) => line).join("\n"));
    }
  },
);

test(
  "E28 it survives the terminal it was started in, and has neither that nor any input",
  terminal,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const words = [process.execPath, CLI, "run", "-d", ...sh("web", `tty; cat; ${PATIENT}`)];
    const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const env = { ...process.env, ENVCTL_STATE_DIR: p.state, NO_COLOR: "1" };
    const { stdout, status } = spawnSync("script", ["-qec", line, "/dev/null"], {
      cwd: p.dir,
      env,
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout.trim()], [0, "web/1"]);
    await until("it is up", () => p.ok(["logs", "web"]).stdout === "not a tty\nup\n");
    const pid = runOf(p, "web/1").pid!;
    const supervisor = Number(stat(pid)[1]);
    for (const one of [pid, supervisor]) {
      const [, , , session, tty] = stat(one);
      assert.deepEqual([session, tty], [`${one}`, "0"]);
    }
    assert.deepEqual(readdirSync(`/proc/${pid}/fd`).slice(0, 3), ["0", "1", "2"]);
    assert.equal(statSync(`/proc/${pid}/fd/0`).rdev, statSync("/dev/null").rdev);
    // Nothing is locked while it runs.
    p.ok(["apply", "web", "-y", "--lock-timeout", "0"]);
    p.ok(["run", "web", "--lock-timeout", "0", "--", "true"]);
    assert.deepEqual(states(p), ["web/1 running"]);
  },
);

test(
  "E28 several runs of one environment: a number and a group each, and a plain name while one is running",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const pids = [1, 2, 3].map((n) => {
      const { name, pid } = detach(p, sh("web", `touch /made${n}; ${PATIENT}`));
      assert.equal(name, `web/${n}`);
      return pid;
    });
    const own = leaves(p).filter((dir) => readFileSync(join(dir, "cgroup.procs"), "utf8") !== "");
    assert.deepEqual(own.map((dir) => dir.slice(-2)).sort(), ["/1", "/2", "/3"]);
    for (const [i, dir] of own.sort((a, b) => (a.slice(-1) < b.slice(-1) ? -1 : 1)).entries())
      assert.ok(readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n").includes(`${pids[i]}`), dir);
    // The same root for all of them.
    assert.equal(
      p.ok(["exec", "web/1", "--", "ls", "/made1", "/made2", "/made3"]).stdout,
      "/made1\n/made2\n/made3\n",
    );
    for (const verb of ["stop", "kill", "logs"]) {
      const { stderr } = p.ok([verb, "web"], verb === "logs" ? 3 : 3);
      assert.match(stderr, /web has 3 runs\n +Name one: web\/1, web\/2, web\/3\n/);
    }
    assert.match(p.ok(["ls"]).stdout, /RUNS[\s\S]+ 3 /);
    assert.match(p.ok(["stop", "web/1", "web/3"]).stdout, /^web\/1 +exit 3, ran .*\nweb\/3 +exit 3, ran/);
    assert.deepEqual(states(p), ["web/1 ended", "web/2 running", "web/3 ended"]);
    assert.equal(p.ok(["logs", "web"]).stdout, "up\n", "the one that is running");
    p.ok(["rm", "web"]);
    assert.deepEqual(states(p), ["web/2 running"]);
    assert.match(p.ok(["rm", "web"], 1).stderr, /web\/2 is running\n +envctl stop web\/2/);
    assert.equal(detach(p, sh("web", PATIENT)).name, "web/1", "a number that is free again");
    p.ok(["destroy", "web", "-y"]);
    await gone(pids);
  },
);

test("E28 running out of memory is recorded, of the entry and of a child", memory, (t) => {
  const p = project(t);
  p.env("web", "limits: { memory: 16MiB, swap: 0 }\n");
  const hog = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null";
  for (const [script, status, text] of [
    [`exec ${hog}`, 137, "out of memory"],
    [`${hog}; exit 4`, 4, "exit 4, 1 OOM kill"],
  ] as const) {
    const name = p.ok(["run", "-d", ...sh("web", script)]).stdout.trim();
    assert.equal(p.run(["wait", name]).code, status);
    assert.equal(runOf(p, name).oom_kills, 1);
    assert.ok(p.ok(["ps", "--color", "never"]).stdout.includes(text));
  }
});

test("E28 what cannot be started is said at once, with 125, 126 or 127, and leaves nothing", machine, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  p.env("nobody", "entry: { command: [true], user: nobody }\n");
  p.ok(["apply", "web", "-y"]);
  const before = [mountTree(p.state), groupsOf(p)];
  assert.match(p.ok(["run", "-d", "web", "--", "missing"], 127).stderr, /command not found: "missing"/);
  assert.match(p.ok(["run", "-d", "web", "--", "/etc/passwd"], 126).stderr, /cannot execute/);
  assert.match(p.ok(["run", "-d", "nobody"], 125).stderr, /no user "nobody"/);
  assert.match(p.ok(["run", "-d", "web"], 125).stderr, /declares no entry\.command/);
  for (const verb of ["logs", "stop", "kill", "rm"]) {
    assert.match(p.ok([verb, "web"], 3).stderr, /web has no detached runs\n +Start one: envctl run -d web/);
    assert.match(p.ok([verb, "web/9"], 3).stderr, /no run "web\/9"|web\/9/);
    assert.match(p.ok([verb, "nope"], 3).stderr, /no environment "nope"/);
    assert.match(p.ok([verb], 3).stderr, new RegExp(`${verb} wants a run`));
  }
  for (const verb of ["exec", "wait"]) assert.match(p.ok([verb, "web/9"], 125).stderr, /web\/9/);
  assert.deepEqual([mountTree(p.state), groupsOf(p)], before);
  assert.ok(!existsSync(p.place("web", "runs")));
});

test(
  "E28 F20 ls tells a throwaway instance that is over, before a command takes it away",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const listed = (): readonly string[] =>
      p.json<{ envs: readonly { name: string; state: string }[] }>(["ls"]).envs.map((e) => e.state);
    p.ok(["run", "-d", "--rm", ...sh("web", PATIENT)]);
    assert.deepEqual(listed(), ["running"]);
    p.ok(["kill", "web.r1"]);
    await until("it is over", () => psOf(p)[0]?.state === "ended");
    assert.deepEqual(listed(), ["ended"]);
    assert.match(p.ok(["ls"]).stdout, /^web-\w+\.r1 +ended /m);
    const { child, ended } = await running(p, ["run", "--rm", ...sh("web", `echo up; ${PATIENT}`)]);
    assert.deepEqual(listed(), ["running"]);
    child.kill("SIGKILL");
    await ended;
    assert.deepEqual(listed(), ["ended"]);
    p.ok(["run", "--rm", "web", "--", "true"]);
    assert.deepEqual(listed(), []);
  },
);
