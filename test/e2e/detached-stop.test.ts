// How detached runs end (row E28): asked to, killed, forgotten, with their environment; and what is left then: nothing.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { groupsOf, hierarchies, parentGroup } from "#test/cgroup";
import { detach, family, gone, psOf, runOf } from "#test/detached";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { catches } from "#test/signalled";
import { SLOWNESS } from "#test/slow";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

/** An entry that ends with 3 when it is asked to, and one that has to be killed. */
const PATIENT = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done";
const DEAF = "trap '' TERM INT HUP; (setsid sleep 1000000 &); while :; do sleep 0.1; done";

const sh = (name: string, script: string): readonly string[] => [name, "--", "sh", "-c", script];
const states = (p: Project): readonly string[] => psOf(p).map(({ run, state }) => `${run} ${state}`);

test("E28 Ctrl-C ends wait and stop, and not what they wait for", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  const { pid } = detach(p, sh("web", `echo up; ${DEAF}`));
  for (const [words, code] of [
    [["wait", "web"], 130],
    [["stop", "--time", "60", "web"], 130],
  ] as const) {
    const child = p.start([...words]);
    p.after(() => void child.kill("SIGKILL"));
    // It has its handlers by the time that it waits.
    await until("it waits", () => catches(child.pid!, "SIGINT"));
    await sleep(300 * SLOWNESS);
    child.kill("SIGINT");
    const [status] = (await once(child, "exit")) as [number];
    assert.equal(status, code, words.join(" "));
    assert.equal(runOf(p, "web/1").pid, pid);
  }
  p.ok(["rm", "-f", "web"]);
});

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
  "E28 a run that somebody froze on v1 is stopped, killed, removed and destroyed all the same",
  needs("root", "overlay", "cgroup1:freezer"),
  async (t) => {
    const p = project(t);
    const top = parentGroup(p, "freezer");
    p.env("web");
    p.ok(["--cgroup-parent", `/${basename(top)}`, "apply", "web", "-y"]);
    const group = join(top, `envctl-${p.lineage()}`, p.id("web"));
    const frozen = async (script: string, below = ""): Promise<string> => {
      const { name } = detach(p, sh("web", script));
      await until("it is up", () => p.ok(["logs", name]).stdout !== "");
      const file = join(group, below, "freezer.state");
      writeFileSync(file, "FROZEN");
      await until("it is frozen", () => readFileSync(file, "utf8") === "FROZEN\n");
      return name;
    };
    assert.match(p.ok(["stop", await frozen(PATIENT)]).stdout, /^web\/1 +exit 3, ran/);
    const killed = await frozen(`echo up; ${DEAF}`, "2");
    p.ok(["kill", killed]);
    p.ok(["wait", killed], 137);
    p.ok(["rm", "-f", await frozen(`echo up; ${DEAF}`)]);
    await frozen(`echo up; ${DEAF}`);
    p.ok(["destroy", "web", "-y"]);
    assert.ok(!existsSync(group));
  },
);

test("E28 wait for a run that is removed before it looked again says so", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  const { name } = detach(p, sh("web", DEAF));
  const waiting = p.start(["wait", name]);
  p.after(() => void waiting.kill("SIGKILL"));
  let stderr = "";
  waiting.stderr!.on("data", (data) => (stderr += String(data)));
  const ended = once(waiting, "close");
  await until("it waits", () => catches(waiting.pid!, "SIGINT"));
  await sleep(300 * SLOWNESS);
  waiting.kill("SIGSTOP");
  p.ok(["rm", "-f", name]);
  waiting.kill("SIGCONT");
  assert.deepEqual(
    [(await ended)[0], stderr.split("\n")[0]],
    [125, "envctl: web/1 was removed before its status was read"],
  );
});

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
    assert.equal(p.ok(["ps", "-q", "web"]).stdout, "web.r1\n", "it is one of its environment");
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

test(
  "E28 runs started and stopped in a loop leave processes, mounts, cgroups and ptys as they were",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const everything = (): unknown => [mountTree(p.state), groupsOf(p), hierarchies().length];
    const ptys = (): readonly string[] => readdirSync("/dev/pts");
    const before = everything();
    const others = ptys();
    const pids: number[] = [];
    // ENVCTL_RUNS=200: what the acceptance list asks for.
    for (let n = 0; n < Number(process.env["ENVCTL_RUNS"] ?? 6); n++) {
      const { name, pid, supervisor } = detach(p, sh("web", "sleep 1000000 & exec sleep 1000000"));
      pids.push(...family(supervisor), pid);
      p.ok(["stop", name]);
      p.ok(["rm", name]);
    }
    assert.deepEqual(everything(), before);
    await gone(pids);
    // Somebody else's come and go, too.
    await until("no terminal is left", () => ptys().every((name) => others.includes(name)));
  },
);

test(
  "E28 a change that takes the overlay down waits for detached runs, and says how to end them",
  machine,
  (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    detach(p, sh("web", PATIENT));
    p.write("layer/file", "");
    p.env("web", "lowers: [../layer]\nlimits: { pids: 50 }\n");
    const { stderr } = p.ok(["apply", "web", "-y"], 5);
    assert.match(stderr, /These are its own: leave or end them \(envctl ps, envctl stop\)/);
    assert.ok(!stderr.includes("trap : HUP"), "its supervisor ends with it, and is nobody to ask");
    p.ok(["run", "-d", ...sh("web", "true")], 125);
    assert.deepEqual(states(p), ["web/1 running"]);
    p.ok(["stop", "web"]);
    p.ok(["apply", "web", "-y"]);
    assert.equal(p.ok(["run", "web", "--", "ls", "/file"]).stdout, "/file\n");
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
    const warned = /Warning: this ends a detached run: web\/1\.\n/;
    assert.match(p.ok(["plan", "--destroy", "web"]).stdout, warned);
    assert.match(p.ok(["destroy", "web", "-y"]).stderr, warned);
    await gone(all);
    assert.deepEqual(states(p), ["web.r1 running"]);
    p.ok(["destroy", "--all", "-y"]);
    assert.deepEqual(readdirSync(join(p.state, "envs")), []);
    await gone([throwaway.pid]);
  },
);

test(
  "E28 of several runs each is waited for, killed and forgotten, whatever became of the one before; JSON is one object",
  machine,
  (t) => {
    const p = project(t);
    p.env("web");
    p.ok(["run", "-d", ...sh("web", "exit 7")]);
    p.ok(["run", "-d", ...sh("web", "exit 0")]);
    assert.equal(p.ok(["wait", "web/1", "web/2"], 7).stdout, "7\n0\n");
    detach(p, sh("web", PATIENT));
    const left = (args: readonly string[]): readonly string[] => {
      const { runs } = p.json<{ runs: readonly { run: string }[] }>(args);
      return runs.map(({ run }) => run);
    };
    assert.match(p.ok(["rm", "web/3", "web/1"], 1).stderr, /web\/3 is running/);
    assert.deepEqual(states(p), ["web/2 ended", "web/3 running"]);
    const wrong = p.json<{ format: string; diagnostics: unknown[] }>(["rm", "web/3", "web/2"], 1);
    assert.deepEqual([wrong.format, wrong.diagnostics.length], ["envctl.error/1", 1]);
    assert.deepEqual(states(p), ["web/3 running"]);
    assert.deepEqual(left(["kill", "web/3"]), ["web/3"]);
    p.ok(["wait", "web/3"], 137);
    assert.deepEqual(left(["rm", "web/3"]), ["web/3"]);
    assert.deepEqual(states(p), []);
  },
);
