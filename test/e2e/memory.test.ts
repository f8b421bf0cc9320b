// A run and its cgroup: limited from its first instruction, or not started; what a kill for lack of memory leaves to say (rows E11, E13, E14, E16).
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { controlFile, groupOf, groupsOf, hierarchy, limitOf, processesOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { occupant, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { running } from "#test/running";
import { SLOWNESS } from "#test/slow";

guard();

const REAL = needs("root", "overlay");
const MEMORY = needs("root", "overlay", "cgroup:memory");
const TRACED = needs("root", "overlay", "cgroup:memory", "program:strace");

/** A single static program that takes 100 MiB at once, no shell before it. */
const GREEDY = ["dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"];

/** The repository that most rows need: 64 MiB, and a volume in which an entry leaves a mark. */
function small(p: Project, more = ""): void {
  p.write("out/here", "");
  p.env("web", `limits:\n  pids: 40\n  memory: 64MiB\n  swap: 0\nvolumes: [../out:/out]\n${more}`);
}

for (const [what, flags, gone] of [
  ["in the applied environment", [], ""],
  [
    "in a throwaway one",
    ["--rm"],
    "  web.r1 was removed; its files are gone (--keep-on-failure keeps them).\n",
  ],
] as const) {
  test(`E11 over memory ${what}: killed, 137, and the reason said`, MEMORY, (t) => {
    const p = project(t);
    small(p);
    const { stdout, stderr } = p.ok(["run", ...flags, "web", "--", ...GREEDY], 137);
    assert.equal(stdout, "");
    const [head, limit, peak, ran, advice, ...last] = stderr.split(/(?<=\n)/);
    assert.equal(head, "envctl: killed by the kernel: out of memory\n");
    assert.equal(limit, "  limit   64 MiB, no swap        envs/web.yaml:6\n");
    // What a process that is being killed still takes is charged all the same.
    assert.match(peak!, /^ {2}peak {4}6[3-7](\.\d)? MiB +OOM kills: 1\n$/);
    assert.match(ran!, /^ {2}ran {5}\d.* {3,}dd if=\/dev\/zero .* \(entry\)\n$/);
    assert.equal(advice, "  Raise limits.memory, or run fewer workers at once.\n");
    assert.equal(last.join(""), gone);
  });
}

test("E11 when only a child was killed the status is the entry's own, and the note says so", MEMORY, (t) => {
  const p = project(t);
  small(p);
  const both = `${GREEDY.join(" ")} 2>/dev/null; echo "child $?"; ${GREEDY.join(" ")} 2>/dev/null; exit 3`;
  const { stdout, stderr } = p.ok(["run", "web", "--", "sh", "-c", both], 3);
  assert.equal(stdout, "child 137\n");
  assert.match(stderr, /^envctl: out of memory: the kernel killed a process of this run$/m);
  assert.match(stderr, /OOM kills: 2 \(children; the entry went on\)$/m);
  const again = p.ok(["run", "web", "--", "true"]);
  assert.equal(again.stderr, "", "an earlier run's kills are not this one's");
  const killed = p.ok(["run", "web", "--", "sh", "-c", "kill -9 $$; sleep 9 & kill -9 $!; exit 5"], 5);
  assert.equal(killed.stderr, "", "a SIGKILL from inside is none for lack of memory");
});

test("E11 runs at once are told apart", MEMORY, async (t) => {
  const p = project(t);
  small(p);
  p.ok(["apply", "-y", "web"]);
  const calm = await running(p, ["run", "web", "--", "sh", "-c", "echo up; sleep 1; exit 7"]);
  const { stderr } = p.ok(["run", "web", "--", ...GREEDY], 137);
  assert.match(stderr, /OOM kills: 1$/m);
  assert.deepEqual(await calm.ended, { code: 7, signal: null, stderr: "" });
});

test("E11 exec beside an entry that has no memory left: the kernel never ends envctl for it", MEMORY, (t) => {
  const p = project(t);
  // Less than Node has, which would be the largest in there.
  p.env("web", "limits: { memory: 32MiB, swap: 0 }\n");
  const greedy = ["sh", "-c", "while :; do (a=xxxxxxxx; while :; do a=$a$a; done); done"];
  p.ok(["run", "-d", "web", "--", ...greedy]);
  let beside = 0;
  const tries = SLOWNESS > 1 ? 6 : 18;
  for (let n = 0; n < tries; n++) {
    const { signal, code, stderr } = p.run(["exec", "web", "--", "true"]);
    assert.equal(signal, null, stderr);
    // Now and then it is the entry that the kernel ends.
    if (code === 125 && /is not running/.test(stderr)) {
      p.ok(["run", "-d", "web", "--", ...greedy]);
      continue;
    }
    assert.ok(code === 0 || code === 137, `${code} ${stderr}`);
    beside++;
  }
  assert.ok(beside >= tries / 2, `${beside} of ${tries} found it running`);
});

test("E13 the entry is in its groups before its first instruction", TRACED, (t) => {
  const p = project(t);
  small(p);
  p.ok(["apply", "-y", "web"]);
  const log = join(p.dir, "log");
  const before = ["strace", "-f", "-y", "-o", log, "-e", "trace=write,execve", "-s", "64"];
  const { stdout } = p.ok(["run", "web", "--", "cat", "/proc/self/cgroup"], 0, { before });
  const lines = readFileSync(log, "utf8").split("\n");
  const executed = lines.findIndex((line) => /execve\("[^"]*\/cat"/.test(line));
  assert.ok(executed > 0, "the trace shows the entry");
  const pid = lines[executed]!.split(" ")[0]!;
  for (const controller of ["memory", "pids"]) {
    const group = groupOf(p, "web", controller);
    const joined = lines.findIndex(
      (line) =>
        line.startsWith(`${pid} `) &&
        line.includes(`<${group}`) &&
        /write\(\d+<.*(tasks|cgroup\.procs)>, "0/.test(line),
    );
    assert.ok(
      joined >= 0 && joined < executed,
      `${controller}: joined at ${joined}, executed at ${executed}`,
    );
    // Where another process was traced meanwhile, the answer is in this one's next line.
    const answered = lines.slice(joined).filter((line) => line.startsWith(`${pid} `));
    assert.match(
      answered.find((line) => !line.endsWith("<unfinished ...>"))!,
      /write.*= 2$/,
    );
  }
  // Its own cgroup namespace begins at its groups: the host's paths do not show.
  for (const line of stdout.trim().split("\n")) assert.match(line, /^\d+:[^:]*:\/$/);
});

test("E13 what an entry allocates or forks first counts already", MEMORY, (t) => {
  const p = project(t);
  p.env("one", "limits: { pids: 1 }\n");
  p.env("mem", "limits: { memory: 64MiB, swap: 0 }\n");
  for (const flags of [[], ["--rm"]]) {
    p.ok(["run", ...flags, "one", "--", "echo", "alone"]);
    const { stderr } = p.ok(["run", ...flags, "one", "--", "sh", "-c", "true | true"], 2);
    assert.match(stderr, /can't fork/);
    p.ok(["run", ...flags, "mem", "--", ...GREEDY], 137);
  }
});

test("E13 from outside the entry is seen in its groups alone", MEMORY, async (t) => {
  const p = project(t);
  small(p);
  await running(p, ["run", "web", "--", "sh", "-c", "echo up; exec sleep 600"]);
  const pids = processesOf(p);
  assert.equal(pids.length, 1);
  const own = `/envctl-${p.lineage()}/${p.id("web")}`;
  const cgroup = readFileSync(`/proc/${pids[0]}/cgroup`, "utf8");
  for (const controller of ["memory", "pids"]) {
    const { version } = hierarchy(controller);
    const [, path] = new RegExp(
      version === 2 ? "^0::(.*)$" : `^\\d+:(?:\\w+,)*${controller}(?:,\\w+)*:(.*)$`,
      "m",
    ).exec(cgroup)!;
    assert.ok(path!.endsWith(own) || path!.includes(`${own}/`), cgroup);
  }
});

/** Every write to one control file is refused, as strace does it. */
const refusing = (file: string, log: string): string[] => [
  "strace",
  "-f",
  "-o",
  log,
  "-P",
  file,
  "-e",
  "trace=write",
  "-e",
  "inject=write:error=EINVAL",
];

test("E14 a limit that cannot be written: the entry never starts, what was there stays", TRACED, (t) => {
  const p = project(t);
  p.write("out/here", "");
  p.env("web", "limits: { memory: 96MiB, pids: 40 }\nvolumes: [../out:/out]\n");
  p.ok(["apply", "-y", "web"]);
  p.env("web", "limits: { memory: 64MiB, pids: 30 }\nvolumes: [../out:/out]\n");
  const log = join(p.dir, "log");
  for (const name of ["memory", "pids"] as const) {
    const before = refusing(controlFile(p, "web", name), log);
    const { stderr } = p.ok(["run", "web", "--", "touch", "/out/ran"], 125, { before });
    assert.match(readFileSync(log, "utf8"), /INJECTED/);
    assert.match(
      stderr,
      new RegExp(`^envctl: web: cannot set limit ${name}\n {2}call {4}write\\(\\d+<.*${name}`, "m"),
    );
    assert.match(stderr, /^ {2}kernel {2}EINVAL/m);
    assert.equal(p.exists("out/ran"), false);
    assert.deepEqual([limitOf(p, "web", "memory"), limitOf(p, "web", "pids")], ["100663296", "40"]);
    p.ok(["drift", "web"]);
  }
  p.ok(["run", "web", "--", "touch", "/out/ran"]);
  assert.deepEqual([limitOf(p, "web", "memory"), limitOf(p, "web", "pids")], ["67108864", "30"]);
});

test("E14 in a throwaway run: never started, nothing left", TRACED, (t) => {
  const p = project(t);
  p.env("base");
  p.ok(["apply", "-y", "base"]);
  small(p);
  const id = `${p.id("base").replace("base", "web")}.r1`;
  for (const [name, file] of [
    ["memory", hierarchy("memory").version === 1 ? "memory.limit_in_bytes" : "memory.max"],
    ["pids", "pids.max"],
  ] as const) {
    const log = join(p.dir, "log");
    const path = join(hierarchy(name).point, `envctl-${p.lineage()}`, id, file);
    const { stderr } = p.ok(["run", "--rm", "web", "--", "touch", "/out/ran"], 125, {
      before: refusing(path, log),
    });
    assert.match(readFileSync(log, "utf8"), /INJECTED/, path);
    assert.match(stderr, new RegExp(`^envctl: web\\.r1: cannot set limit ${name}$`, "m"));
    assert.equal(p.exists("out/ran"), false);
    assert.equal(existsSync(join(p.state, "envs", id)), false);
    assert.deepEqual(
      groupsOf(p).filter((dir) => dir.includes(id)),
      [],
    );
  }
});

test("E14 a group that takes no process: the entry never starts", TRACED, (t) => {
  const p = project(t);
  small(p);
  p.ok(["apply", "-y", "web"]);
  const log = join(p.dir, "log");
  for (const controller of ["memory", "pids"]) {
    const group = groupOf(p, "web", controller);
    const leaf = controller === "memory" || hierarchy(controller).version === 2 ? join(group, "1") : group;
    const path = join(leaf, hierarchy(controller).version === 1 ? "tasks" : "cgroup.procs");
    const { stderr } = p.ok(["run", "web", "--", "touch", "/out/ran"], 125, { before: refusing(path, log) });
    assert.match(readFileSync(log, "utf8"), /INJECTED/, path);
    assert.match(stderr, /^envctl: the kernel refused to put the entry into\s+\S*envctl-/);
    assert.equal(p.exists("out/ran"), false);
    assert.deepEqual(processesOf(p), []);
  }
  p.ok(["run", "web", "--", "true"]);
});

test(
  "E14 memory is not lowered below what is in use: the run goes on under the old limit",
  MEMORY,
  async (t) => {
    const p = project(t);
    small(p);
    const hold = "dd if=/dev/zero of=/dev/shm/hold bs=1M count=24 2>/dev/null; echo up; exec sleep 600";
    const { child } = await running(p, ["run", "web", "--", "sh", "-c", hold]);
    p.env("web", "limits: { pids: 40, memory: 8MiB, swap: 0 }\nvolumes: [../out:/out]\n");
    const { stderr } = p.ok(["apply", "-y", "web"], 5);
    assert.match(stderr, /^envctl: web: cannot set limit memory$/m);
    // v1 says so itself; v2 would kill.
    assert.match(stderr, /EBUSY|MiB are in use/);
    assert.equal(limitOf(p, "web", "memory"), "67108864");
    assert.equal(child.exitCode, null);
    p.ok(["drift", "web"]);
    assert.equal(processesOf(p).length, 1);
  },
);

/** Forks for ever, no process older than a moment, and takes no SIGTERM. */
const HOP = `trap "" TERM INT HUP\nsleep ${0.1 * SLOWNESS}\nsh "$0" &\n`;
const HOPPERS = `trap "" TERM INT HUP; for i in 1 2 3 4; do sh /out/hop.sh & done; echo up; while :; do sleep 1; done`;

test(
  "E16 destroy ends the environment's own processes, however they fork, and leaves no group",
  MEMORY,
  async (t) => {
    const p = project(t);
    small(p);
    p.write("out/hop.sh", HOP);
    const run = await running(p, ["run", "web", "--", "sh", "-c", HOPPERS]);
    await until("they hop", () => processesOf(p).length > 4);
    // Who was born while envctl looked is the environment's own as well.
    for (let look = 0; look < 5; look++) {
      const { envs } = p.json<{ envs: { blocked: unknown }[] }>(["plan", "--destroy", "web"]);
      assert.deepEqual(envs[0]?.blocked, []);
    }
    const { stderr } = p.ok(["destroy", "-y", "web"]);
    assert.match(stderr, /stop +processes/);
    assert.deepEqual(await run.ended.then(({ code, signal }) => ({ code, signal })), {
      code: 137,
      signal: null,
    });
    assert.deepEqual(groupsOf(p), [], "the parent group is gone too");
    assert.deepEqual(p.mounts(), []);
  },
);

test(
  "E16 processes that were put into its groups by hand are stopped too, and groups below",
  MEMORY,
  async (t) => {
    const p = project(t);
    small(p);
    p.env("other", "limits: { pids: 10 }\n");
    p.ok(["apply", "-y", "web", "other"]);
    const hopper = p.write("hop.sh", `[ -n "$1" ] && echo $$ > "$1/cgroup.procs"\n${HOP}`);
    const group = groupOf(p, "web", "pids");
    const below = join(group, "mine");
    mkdirSync(join(below, "deeper"), { recursive: true });
    // On v2 a group takes processes as long as it hands down no controllers: here the lowest does.
    const target = join(below, "deeper");
    for (let i = 0; i < 3; i++) occupant(p, ["sh", hopper, target]);
    await until("they hop", () => processesOf(p).length >= 2);
    p.ok(["destroy", "-y", "web"]);
    assert.deepEqual(processesOf(p), []);
    const left = groupsOf(p);
    assert.deepEqual(
      left.filter((dir) => dir.includes("web-")),
      [],
    );
    assert.ok(
      left.some((dir) => dir.endsWith(p.id("other"))),
      "another environment keeps its group and the parent",
    );
    p.ok(["destroy", "-y", "other"]);
    assert.deepEqual(groupsOf(p), []);
  },
);

type Planned = { readonly envs: readonly { readonly actions: readonly { op: string; address: string }[] }[] };
const created = ({ envs }: Planned): readonly string[] =>
  envs.flatMap(({ actions }) => actions.filter((a) => a.op === "create").map((a) => a.address));

test("F5 a group removed by hand is missed, and made again by apply and run", REAL, (t) => {
  const p = project(t);
  p.env("bare");
  p.env("web", "limits: { pids: 40 }\n");
  for (const [name, missing] of [
    ["bare", "bare.cgroup"],
    ["web", "web.limit.pids"],
  ] as const) {
    for (const mend of [
      ["apply", "-y", "-q", name],
      ["run", name, "--", "true"],
    ]) {
      p.ok(["apply", "-y", name]);
      const group = groupsOf(p).filter((dir) => dir.endsWith(p.id(name)));
      assert.equal(group.length, 1);
      rmdirSync(group[0]!);
      const { findings } = p.json<{ findings: { kind: string; address: string }[] }>(["drift", name], 2);
      assert.deepEqual(
        findings.map(({ kind, address }) => [kind, address]),
        [["missing", missing]],
      );
      const planned = p.ok(["plan", name]).stdout;
      assert.match(planned, /\n {2}\+ {3}(cgroup|limit\.pids) +missing\n/);
      assert.match(planned, /\nPlan: 1 to create, 0 to update, 0 to replace, 0 to delete, /);
      assert.deepEqual(created(p.json<Planned>(["plan", name])), [missing]);
      p.ok(mend);
      p.ok(["drift", name]);
      assert.ok(existsSync(group[0]!));
    }
  }
});
