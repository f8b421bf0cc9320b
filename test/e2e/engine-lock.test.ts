// Several envctl at once on one environment (row F8).
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { catches, standingAt } from "#test/signalled";
import { killAt } from "#test/strace";

guard();

const machine = needs("root", "overlay");
const traced = needs("root", "overlay", "program:strace");

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function start(p: Project, ...args: readonly string[]): Promise<Ended> {
  const child = p.start(args);
  const out: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]!.on("data", (data) => (out[name] += String(data)));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...out };
}

const many = async (p: Project, n: number, ...args: readonly string[]): Promise<readonly Ended[]> =>
  Promise.all(Array.from({ length: n }, () => start(p, ...args)));

const said = (all: readonly Ended[]): string =>
  all.map(({ code, stdout, stderr }) => `${code}\n${stdout}${stderr}`).join("\n");

test(
  "F8 ten applies at once, the first ones of a new STATE: one works, the others find it done",
  machine,
  async (t) => {
    const p = project(t);
    p.write("cache/file", "");
    p.env("web", 'volumes: ["../cache:/cache"]\ntmpfs: [{ target: /tmp }]\n');
    const all = await many(p, 10, "apply", "web", "-y", "--lock-timeout", "60s");
    assert.deepEqual(
      all.map(({ code }) => code),
      Array(10).fill(0),
      said(all),
    );
    const applied = all.filter(({ stderr }) => /^Applied in/m.test(stderr));
    assert.equal(applied.length, 1, said(all));
    assert.equal(p.mounts().length, 3);
    assert.equal(readdirSync(join(p.state, "envs")).length, 1);
    p.ok(["drift"]);
  },
);

test("F8 applies and destroys at once leave it applied or gone, whole", machine, async (t) => {
  const p = project(t);
  p.env("web", "tmpfs: [{ target: /tmp }]\n");
  const verbs = ["apply", "destroy", "apply", "destroy", "apply", "destroy", "apply", "destroy"];
  const all = await Promise.all(verbs.map((verb) => start(p, verb, "web", "-y", "--lock-timeout", "60s")));
  assert.deepEqual(
    all.map(({ code }) => code),
    verbs.map(() => 0),
    said(all),
  );
  assert.ok([0, 2].includes(p.mounts().length));
  p.ok(["drift"]);
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(
    [p.mounts(), readdirSync(join(p.state, "envs")), readdirSync(join(p.state, "locks"))],
    [[], [], []],
  );
});

test("F8 different environments do not wait for each other", machine, async (t) => {
  const p = project(t);
  const names = ["one", "two", "three", "four"];
  for (const name of names) p.env(name, "limits: { pids: 20 }\n");
  const all = await Promise.all(names.map((name) => start(p, "apply", name, "-y", "--lock-timeout", "0")));
  assert.deepEqual(
    all.map(({ code }) => code),
    [0, 0, 0, 0],
    said(all),
  );
  p.ok(["drift"]);
});

/** An apply that stands still in the middle, with the exclusion lock in its hands, until `go`. */
async function standing(p: Project): Promise<{ readonly pid: number; go(): Promise<void> }> {
  const { pid, ended } = await standingAt(p, "unshare", 1, ["apply", "web", "-y"]);
  let over = false;
  void ended.then(() => (over = true));
  const go = async (): Promise<void> => {
    if (!over) process.kill(pid, "SIGCONT");
    await ended;
  };
  p.after(go);
  return { pid, go };
}

test("F8 who finds it in use is told by whom, and changes nothing", traced, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 20 }\n");
  const { pid, go } = await standing(p);
  const record = readFileSync(p.place("web", "env.json"), "utf8");
  assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /cli\.js\0apply\0web\0-y/);
  for (const [exit, verb, ...more] of [
    [4, "apply", "-y"],
    [4, "destroy", "-y"],
    [125, "run", "--", "true"],
  ] as const) {
    const { stderr } = p.ok([verb, "web", "--lock-timeout", "0", ...more], exit);
    const [, by] = /in use by another envctl \((.*)\)/.exec(stderr.replace(/\s+/g, " ")) ?? [];
    assert.match(
      by ?? stderr,
      new RegExp(`^pid ${pid}, apply web -y, since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$`),
    );
  }
  const [{ diagnostics } = { diagnostics: [] }] = p.lines(
    ["apply", "web", "-y", "--lock-timeout", "0"],
    4,
  ) as { diagnostics: { code: string }[] }[];
  assert.equal(diagnostics[0]?.code, "in_use");
  // Looking needs no lock.
  for (const verb of ["validate", "plan", "ls"]) p.ok([verb]);
  p.ok(["drift"], 2);
  assert.equal(readFileSync(p.place("web", "env.json"), "utf8"), record);
  await go();
  p.ok(["drift"]);
});

test("F8 --lock-timeout waits that long, and goes on when it is free", traced, async (t) => {
  const p = project(t);
  p.env("web");
  const { go } = await standing(p);
  const began = Date.now();
  p.ok(["destroy", "web", "-y", "--lock-timeout", "700ms"], 4);
  assert.ok(Date.now() - began >= 700);
  const waiting = start(p, "destroy", "web", "-y", "--lock-timeout", "30s");
  await sleep(300);
  await go();
  const { code, stderr } = await waiting;
  assert.equal(code, 0, stderr);
  assert.deepEqual([p.mounts(), readdirSync(join(p.state, "envs"))], [[], []]);
});

test("F8 a signal ends the waiting, whatever else could go on: 128 + n", traced, async (t) => {
  const p = project(t);
  p.env("web");
  const { go } = await standing(p);
  p.env("later");
  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    const waiting = p.start(["apply", "later", "web", "-y", "--lock-timeout", "60s"]);
    let told = "";
    waiting.stderr!.on("data", (data) => (told += String(data)));
    const ended = once(waiting, "close");
    // Its locks are taken in the order of their names.
    await until(
      "it waits",
      () => readdirSync(join(p.state, "locks")).length === 2 && catches(waiting.pid!, signal),
    );
    waiting.kill(signal);
    assert.deepEqual(await ended, [status, null], told);
    assert.match(told, /interrupted while waiting for another envctl/);
    assert.deepEqual(readdirSync(join(p.state, "envs")), [p.id("web")], told);
  }
  await go();
});

test("F8 one that was killed holds nothing", traced, async (t) => {
  const p = project(t);
  p.env("web");
  killAt(p, ["apply", "web", "-y"], { name: "unshare", nth: 1, line: "" });
  p.ok(["apply", "web", "-y", "--lock-timeout", "0"]);
});

test(
  "F8 the lock of what never came to be goes with the next command that changes something",
  traced,
  async (t) => {
    const p = project(t);
    p.env("web");
    p.env("other");
    p.ok(["apply", "other", "-y"]);
    killAt(p, ["apply", "web", "-y"], { name: "fchmod", nth: 1, line: "" });
    const locks = (): readonly string[] => readdirSync(join(p.state, "locks"));
    assert.deepEqual(
      locks().map((id) => id.slice(0, -9)),
      ["other", "web"],
    );
    p.ok(["apply", "other", "-y"]);
    assert.deepEqual(locks(), [p.id("other")]);
  },
);

for (const [verb, options] of [
  ["apply", []],
  ["destroy", ["--destroy"]],
] as const) {
  test(
    `F8 F9 a saved plan to ${verb} two of which one is in use does nothing to the other`,
    traced,
    async (t) => {
      const p = project(t);
      for (const name of ["api", "web"]) p.env(name);
      if (verb === "destroy") p.ok(["apply", "-y"]);
      p.ok(["plan", ...options, "--out", "both.plan"]);
      p.env("web", "overlay: { options: { xino: off } }\n");
      const { go } = await standing(p);
      const before = p.mounts().map(({ line }) => line);
      const { stderr } = p.ok(["apply", "--plan", "both.plan", "--lock-timeout", "0"], 4);
      assert.match(stderr.replace(/\s+/g, " "), /web-[0-9a-f]{8} is in use by another envctl/);
      assert.deepEqual(
        p.mounts().map(({ line }) => line),
        before,
      );
      assert.doesNotMatch(p.read("both.plan"), /"used"/);
      await go();
    },
  );
}
