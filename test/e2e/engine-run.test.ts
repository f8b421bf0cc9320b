// Throwaway instances: any number at once, gone whatever happens, and an entry that runs inside or not at all (rows F20 and F21).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";
import { groupsOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { killed, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { running } from "#test/running";
import { SLOWNESS } from "#test/slow";
import { killAt, points, type Point } from "#test/strace";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay", "cgroup:pids");
const traced = needs("root", "overlay", "cgroup:pids", "program:strace");

/** Seconds that nobody else sleeps. */
const LONG = `${100_000 + process.pid}`;
const OTHER = `${200_000 + process.pid}`;

const instances = (p: Project): readonly string[] =>
  readdirSync(join(p.state, "envs")).filter((id) => id.includes(".r"));

/** Processes that have a word of this test on their command line. */
function processes(word: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandLine(pid).includes(word));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it ended
  }
}

const sleeping = (seconds: string): readonly number[] => processes(`sleep\0${seconds}`);

/** An entry that outlives its envctl, which must not be, ends with the test at the latest: it keeps the pipes open. */
function endSleepers(p: Project): void {
  p.after(() => {
    for (const pid of [...sleeping(LONG), ...sleeping(OTHER)]) killed(pid);
  });
}

/** Mount namespaces in which something of this state directory is mounted. */
function namespacesWith(p: Project): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/mountinfo`).toString().includes(` envctl:${p.lineage()}:`)
      );
    } catch {
      return false;
    }
  });
}

test("F20 ten run --rm at once beside an applied environment leave it untouched", machine, async (t) => {
  const p = project(t);
  p.write("shared/file", "");
  p.env("web", 'volumes: ["../shared:/shared"]\ntmpfs: [{ target: /tmp }]\nlimits: { pids: 50 }\n');
  p.ok(["apply", "web", "-y"]);
  p.ok(["run", "web", "--", "sh", "-c", "echo applied > /mine"]);
  const untouched = ["rw", "init"].map((name) => p.place("web", name));
  const everything = (): unknown => [
    untouched.map((path) => tree(path, { times: true, root: true })),
    mountTree(p.place("web")),
    p.cgroups(),
  ];
  const before = everything();
  // Each waits until all ten are there: they do run at once.
  const script =
    "test -e /mine && exit 3; echo $1 > /mine; touch /shared/$1; n=0; while test $(ls /shared | wc -l) -lt 11 && test $n -lt 600; do sleep 0.05; n=$((n+1)); done; cat /mine; exit $1";
  const ends = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const child = p.start(["run", "--rm", "web", "--", "sh", "-c", script, "sh", `${10 + n}`]);
      let out = "";
      for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data) => (out += String(data)));
      const code = await new Promise((resolve) => child.on("close", resolve));
      return `${code} ${out}`;
    }),
  );
  assert.deepEqual(
    ends,
    Array.from({ length: 10 }, (_, n) => `${10 + n} ${10 + n}\n`),
  );
  assert.deepEqual(instances(p), []);
  assert.deepEqual(everything(), before);
  assert.equal(readFileSync(p.place("web", "merged/mine"), "utf8"), "applied\n");
  p.ok(["drift"]);
});

/** An entry that sits there with a child that has left its session, and how many of them there are. */
const SITTING = [
  "sh",
  "-c",
  `(setsid sleep ${LONG} &); (trap '' TERM HUP INT; exec sleep ${LONG}) & echo up; sleep ${LONG}; exit 1`,
];

for (const limits of ["limits: { pids: 50 }\n", ""]) {
  test(
    `F20 SIGKILL of envctl ends the entry and its mounts at once${limits === "" ? ", without limits too" : ""}`,
    machine,
    async (t) => {
      const p = project(t);
      p.write("cache/file", "kept");
      p.env("web", `volumes: ["../cache:/cache"]\n${limits}`);
      p.env("other");
      const { child, ended } = await running(p, ["run", "--rm", "web", "--", ...SITTING]);
      endSleepers(p);
      await until("all of it is up", () => sleeping(LONG).length === 3);
      const [instance, ...more] = instances(p);
      assert.deepEqual(more, []);
      child.kill("SIGKILL");
      await until("the entry is gone", () => sleeping(LONG).length === 0 && namespacesWith(p).length === 0);
      await ended;
      assert.deepEqual(p.mounts(), []);
      // What is left lies there until the next command; looking says so and leaves it.
      const { findings } = p.json<{ findings: { kind: string; env: string; fix: string }[] }>(["drift"], 2);
      assert.deepEqual(
        findings.map(({ kind, env, fix }) => [kind, env, fix]),
        [["leftover", instance, `envctl destroy ${instance}`]],
      );
      assert.deepEqual(instances(p), [instance]);
      p.ok(["apply", "other", "-y"]);
      assert.deepEqual([instances(p), groupsOf(p).filter((dir) => dir.includes(".r"))], [[], []]);
      assert.ok(!existsSync(join(p.state, "locks", instance!)));
      assert.equal(p.read("cache/file"), "kept");
    },
  );
}

test(
  "F20 SIGKILL of the envctl of a run in the applied environment ends its entry and nothing else",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const mounts = mountTree(p.state);
    const other = await running(p, ["run", "web", "--", "sh", "-c", `echo up; sleep ${OTHER}`]);
    const { child, ended } = await running(p, ["run", "web", "--", ...SITTING]);
    endSleepers(p);
    await until("all of it is up", () => sleeping(LONG).length === 3);
    child.kill("SIGKILL");
    await until("the entry is gone", () => sleeping(LONG).length === 0);
    await ended;
    assert.equal(sleeping(OTHER).length, 1);
    assert.equal(other.child.exitCode, null);
    assert.deepEqual(mountTree(p.state), mounts);
  },
);

test("F20 an instance that cannot be taken away now stops no other command", machine, (t) => {
  const p = project(t);
  p.env("web");
  p.ok(["apply", "web", "-y"]);
  const left = `${p.place("web")}.r1`;
  mkdirSync(join(left, "merged"), { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "somebodys", join(left, "merged")]);
  try {
    p.ok(["run", "web", "--", "true"]);
    p.ok(["run", "--rm", "web", "--", "true"]);
    p.env("api");
    p.ok(["apply", "api", "-y"]);
    assert.ok(p.ok(["drift"], 2).stdout.includes(`envctl destroy ${basename(left)}`));
    p.ok(["destroy", basename(left), "-y"], 5);
  } finally {
    execFileSync("umount", [join(left, "merged")]);
  }
  p.ok(["apply", "api", "-y"]);
  assert.deepEqual(instances(p), []);
});

test("F20 a sweep leaves living instances alone, and destroy of the environment too", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  p.ok(["apply", "web", "-y"]);
  const { child, ended } = await running(p, [
    "run",
    "--rm",
    "web",
    "--",
    "sh",
    "-c",
    `echo up; sleep ${OTHER}; exit 7`,
  ]);
  endSleepers(p);
  const there = instances(p);
  assert.equal(there.length, 1);
  p.ok(["drift"]);
  p.ok(["run", "--rm", "web", "--", "true"]);
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(instances(p), there);
  assert.equal(sleeping(OTHER).length, 1);
  child.kill("SIGTERM");
  await ended;
  assert.deepEqual(instances(p), []);
});

/** The calls from the start of the entry's process to the word that lets it go, and one more. */
function betweenSpawnAndGo(all: readonly Point[]): readonly Point[] {
  const from = all.findIndex(({ line }) => /^(vfork|clone3?)\(/.test(line));
  const to = all.findIndex(({ line }) => /^write\(\d+<pipe:.*"go\\n"/.test(line));
  assert.ok(0 < from && from < to, "the calls are not what they were");
  return all.slice(from, to + 2);
}

for (const [what, before] of [
  ["run --rm", ["run", "--rm", "web"]],
  ["run", ["run", "web"]],
] as const) {
  test(
    `F21 ${what} killed between spawning and starting: the entry never runs, least of all on the host`,
    traced,
    async (t) => {
      const p = project(t);
      mkdirSync(join(p.dir, "inside"));
      mkdirSync(join(p.dir, "host"));
      // Inside there is /marks and no p.dir; on the host it is the other way round.
      p.env("web", 'volumes: ["../inside:/marks"]\n');
      const entry = ["sh", "-c", `touch /marks/ran ${p.dir}/host/ran 2>/dev/null`];
      p.ok(["apply", "web", "-y"]);
      p.run([...before, "--", ...entry]);
      assert.deepEqual([readdirSync(join(p.dir, "inside")), readdirSync(join(p.dir, "host"))], [["ran"], []]);
      const window = betweenSpawnAndGo(points(p, [...before, "--", ...entry]).points);
      // Of each call the first, and the last three of all.
      const firsts = window.filter((point, i) => window.findIndex(({ name }) => name === point.name) === i);
      const few = SLOWNESS > 1 ? firsts.filter((_, i) => i % 3 === 0) : firsts;
      const chosen =
        process.env["ENVCTL_SWEEP"] === "full"
          ? window
          : window.filter((point, i) => few.includes(point) || i >= window.length - 3);
      for (const point of chosen) {
        rmSync(join(p.dir, "inside/ran"), { force: true });
        killAt(p, [...before, "--", ...entry], point);
        await until("nothing of it lives", () => processes(`${p.dir}/host/ran`).length === 0);
        const marks = [readdirSync(join(p.dir, "inside")), readdirSync(join(p.dir, "host"))];
        const isAfter = window.indexOf(point) === window.length - 1;
        assert.deepEqual(isAfter ? marks[1] : marks, isAfter ? [] : [[], []], `killed at ${point.line}`);
      }
      p.ok(["destroy", "web", "-y"]);
      assert.deepEqual(readdirSync(join(p.state, "envs")), []);
    },
  );
}

test(
  "F20 --keep-on-failure keeps the instance of what failed, under a name of its own, until destroy",
  machine,
  (t) => {
    const p = project(t);
    p.env("web");
    p.ok(["apply", "web", "-y"]);
    const keep = ["run", "--rm", "--keep-on-failure", "web", "--", "sh", "-c"];
    assert.deepEqual(p.ok([...keep, "true"]).stderr, "");
    const id = `${p.id("web")}.r1`;
    const { stderr } = p.ok([...keep, "echo x >/left; exit 3"], 3);
    assert.equal(stderr, `envctl: kept for a look: ${join(p.state, "envs", id)}\n`);
    assert.equal(readFileSync(join(p.state, "envs", id, "rw/upper/left"), "utf8"), "x\n");
    const { envs } = p.json<{ envs: { id: string; state: string }[] }>(["ls"]);
    assert.deepEqual(
      envs.map((env) => [env.id, env.state]),
      [
        [p.id("web"), "applied"],
        [id, "kept"],
      ],
    );
    assert.match(p.ok(["drift"], 2).stdout, new RegExp(`fix: envctl destroy ${id}`));
    // Not another word for the environment.
    for (const [exit, ...args] of [
      [3, "plan", "web.r1"],
      [3, "apply", "web.r1", "-y"],
      [125, "run", "web.r1", "--", "true"],
    ] as const)
      assert.match(p.ok(args, exit).stderr, /is a throwaway instance/);
    assert.match(
      p.ok(["plan", "--destroy", "web.r1"]).stdout,
      /^web\.r1 .*\n[^]*upper +deleted +1 changed path/,
    );
    const gone = p.ok(["destroy", "web.r1", "-y"]).stderr;
    assert.match(gone, /^web\.r1\n {2}\S+ remove +cgroup/m);
    p.ok(["drift"]);
    assert.equal(p.mounts().length, 1, "the environment is left alone");
  },
);
