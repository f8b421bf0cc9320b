// Runs that outlive their command: started, looked at, ended and forgotten (row E28).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { groupsOf, hierarchies } from "#test/cgroup";
import { detach, family, gone, psOf, runOf, stat } from "#test/detached";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { CLI, type Project, project } from "#test/project";
import { SLOWNESS } from "#test/slow";

guard();

const machine = needs("root", "overlay", "cgroup:pids");
const terminal = needs("root", "overlay", "cgroup:pids", "program:script");
const memory = needs("root", "overlay", "cgroup:memory");

/** An entry that ends with 3 when it is asked to, and one that has to be killed. */
const PATIENT = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done";
const DEAF = "trap '' TERM INT HUP; (setsid sleep 1000000 &); while :; do sleep 0.1; done";

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
  assert.ok(!existsSync(p.place("web", "runs")));
});

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

test(
  "E28 stop: SIGTERM, some time, then SIGKILL for all of it; nobody is left, not even a zombie",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const patient = detach(p, sh("web", PATIENT));
    assert.match(p.ok(["stop", "web"]).stdout, /^web\/1 +exit 3, ran/);
    assert.equal(p.ok(["logs", "web"]).stdout, "up\nbye\n");
    const deaf = detach(p, sh("web", DEAF));
    await until("its child is there", () => family(deaf.supervisor).length >= 4);
    const all = family(deaf.supervisor);
    const begin = performance.now();
    assert.match(p.ok(["stop", "--time", "500ms", "web"]).stdout, /^web\/2 +SIGKILL, ran/);
    const ms = performance.now() - begin;
    assert.ok(ms >= 500 && ms < 8000 * SLOWNESS, `${ms} ms`);
    await gone([...all, patient.pid, patient.supervisor]);
    // No handler: PID 1 would ignore it, and ends as any process would.
    detach(p, sh("web", "exec sleep 1000000"));
    assert.match(p.ok(["stop", "web"]).stdout, /^web\/3 +SIGTERM, ran/);
    assert.equal(runOf(p, "web/3").status, 143);
    p.ok(["stop", "web/3"]);
  },
);

test(
  "E28 kill sends what is asked for to the entry, and the status says what ended it",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    detach(p, sh("web", "trap 'echo hup' HUP; trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done"));
    await until("it is up", () => p.ok(["logs", "web"]).stdout === "up\n");
    p.ok(["kill", "--signal", "HUP", "web"]);
    await until("it has heard it", () => p.ok(["logs", "web"]).stdout === "up\nhup\n");
    p.ok(["kill", "-s", "winch", "web"]);
    p.ok(["kill", "-s", "SIGUSR1", "web/1"]);
    assert.equal(p.run(["wait", "web"]).code, 9);
    const ends: readonly (readonly [words: readonly string[], status: number, signal: string])[] = [
      [[], 137, "SIGKILL"],
      [["-s", "15"], 143, "SIGTERM"],
      [["-s", "INT"], 130, "SIGINT"],
    ];
    for (const [i, [words, status, signal]] of ends.entries()) {
      const { name } = detach(p, sh("web", "exec sleep 1000000"));
      p.ok(["kill", ...words, name]);
      assert.equal(p.run(["wait", name]).stdout, `${status}\n`);
      const run = runOf(p, `web/${i + 2}`);
      assert.deepEqual([run.status, run.signal], [status, signal]);
    }
    p.ok(["run", "-d", ...sh("web", "exit 137")]);
    assert.equal(p.run(["wait", "web/5"]).code, 137);
    assert.equal(runOf(p, "web/5").signal, undefined, "its own status is no signal");
    assert.match(p.ok(["kill", "web/5"], 1).stderr, /web\/5 is not running/);
    assert.match(p.ok(["kill", "-s", "NOPE", "web/5"], 3).stderr, /no signal "NOPE"/);
  },
);

test(
  "E28 its supervisor takes less than 4 MB, and what is left to do it does without starting anything",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const { supervisor } = detach(p, sh("web", PATIENT));
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${supervisor}/status`, "utf8"))![1]);
    assert.ok(rss < 4096, `${rss} kB`);
    p.ok(["stop", "web"]);
    await gone([supervisor]);
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

test(
  "E28 run -d --rm: a throwaway instance that is gone after its end, and never touches an applied one",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const before = [mountTree(p.state), groupsOf(p)];
    const { name, pid } = detach(p, ["--rm", ...sh("web", `touch /made; ${PATIENT}`)]);
    assert.equal(name, "web.r1");
    assert.equal(p.ok(["exec", "web.r1", "--", "ls", "/made"]).stdout, "/made\n");
    assert.ok(!existsSync(p.place("web", "merged/made")));
    p.ok(["drift"]);
    p.ok(["run", "--rm", "web", "--", "true"]);
    assert.deepEqual(states(p), ["web.r1 running"], "a sweep leaves it alone");
    assert.equal(p.run(["stop", "web.r1"]).stdout.replace(/ran.*/, ""), "web.r1  exit 3, \n");
    assert.deepEqual(readdirSync(join(p.state, "envs")), [p.id("web")]);
    await gone([pid]);
    // One that ends by itself is taken away by the next command that changes anything; until then its status can be read.
    const second = p.ok(["run", "-d", "--rm", ...sh("web", "exit 5")]).stdout.trim();
    assert.equal(p.run(["wait", second]).code, 5);
    assert.deepEqual(states(p), []);
    assert.deepEqual([mountTree(p.state), groupsOf(p)], before);
  },
);

test("E28 what cannot be started is said at once, with 125, 126 or 127, and leaves nothing", machine, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  p.env("nobody", "entry: { command: [true], user: nobody }\n");
  p.ok(["apply", "web", "nobody", "-y"]);
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
  "E28 runs started and stopped in a loop leave processes, mounts, cgroups and ptys as they were",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const everything = (): unknown => [
      mountTree(p.state),
      groupsOf(p),
      readdirSync("/dev/pts"),
      hierarchies().length,
    ];
    const before = everything();
    const pids: number[] = [];
    // ENVCTL_RUNS=200: what the acceptance list asks for.
    for (let n = 0; n < Number(process.env["ENVCTL_RUNS"] ?? 8); n++) {
      const { name, pid, supervisor } = detach(p, sh("web", "sleep 1000000 & exec sleep 1000000"));
      pids.push(...family(supervisor), pid);
      p.ok(["stop", name]);
      p.ok(["rm", name]);
    }
    assert.deepEqual(everything(), before);
    await gone(pids);
  },
);

test(
  "E16 destroy stops an environment's detached runs and removes what is kept of them",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    const one = detach(p, sh("web", DEAF));
    const all = family(one.supervisor);
    p.ok(["run", "-d", ...sh("web", "exit 0")]);
    const throwaway = detach(p, ["--rm", ...sh("web", PATIENT)]);
    p.ok(["destroy", "web", "-y"]);
    await gone(all);
    assert.deepEqual(states(p), ["web.r1 running"]);
    p.ok(["destroy", "--all", "-y"]);
    assert.deepEqual(readdirSync(join(p.state, "envs")), []);
    await gone([throwaway.pid]);
  },
);
