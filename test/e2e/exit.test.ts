// Row B10: what `run` exits with is the command's own word, and what never ran leaves nothing.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { faulting } from "#test/elf";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { paths } from "#test/tree";

guard();

const KINDS = [["run"], ["run", "--rm"]] as const;

/** Mounts, groups and directories: what a run must leave as it found them. */
const traces = (p: Project): unknown => ({
  mounts: p.mounts().map((m) => m.line),
  cgroups: p.cgroups(),
  envs: paths(join(p.state, "envs")),
});

/** An environment that is applied, since `run` would do that first. */
function begin(t: Parameters<typeof project>[0], body = ""): Project {
  const p = project(t);
  p.env("web", `limits: { pids: 50 }\n${body}`);
  p.ok(["apply", "-y", "web"]);
  return p;
}

test("B10 the exit status passes through", needs("root", "overlay"), (t) => {
  const p = begin(t);
  for (const kind of KINDS) {
    for (const status of [0, 1, 2, 3, 100, 125, 126, 127, 128, 137, 254, 255]) {
      const { code, stdout, stderr } = p.run([...kind, "web", "--", "sh", "-c", `exit ${status}`]);
      assert.deepEqual(
        { code, stdout, stderr },
        { code: status, stdout: "", stderr: "" },
        `${kind.join(" ")}: ${status}`,
      );
    }
  }
});

test("B10 an entry that dies of a fault is 128 + the signal", needs("root", "overlay"), (t) => {
  const p = begin(t);
  for (const signal of ["SIGILL", "SIGSEGV", "SIGTRAP"] as const) {
    const program = faulting(signal);
    if (program === undefined) return t.skip("needs program:x86_64 or aarch64");
    writeFileSync(join(p.dir, "rootfs/bin/faulty"), program, { mode: 0o755 });
    for (const kind of KINDS) {
      assert.equal(
        p.run([...kind, "web", "--", "faulty"]).code,
        128 + constants.signals[signal],
        `${kind.join(" ")}: ${signal}`,
      );
    }
  }
});

/** The entry of a run, as the host numbers it: the child of envctl that is 1 inside and has become what it was told to; undefined before. */
function entryOf(envctl: number, argv: readonly string[]): number | undefined {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const children = read(`/proc/${envctl}/task/${envctl}/children`)
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
  const is = (pid: number): boolean =>
    read(`/proc/${pid}/cmdline`) === argv.map((word) => `${word}\0`).join("") &&
    /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`));
  return children.find(is);
}

/** A run whose entry has begun. */
async function begun(
  p: Project,
  kind: readonly string[],
  argv: readonly string[],
): Promise<{ child: ChildProcess; pid: number; ended: Promise<unknown[]> }> {
  const child = p.start([...kind, "web", "--", ...argv], { stdio: "ignore" });
  const ended = once(child, "exit");
  p.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let pid: number | undefined;
  await until("the entry is up", () => (pid = entryOf(child.pid!, argv)) !== undefined);
  return { child, pid: pid!, ended };
}

for (const kind of KINDS) {
  test(
    `B10 ${kind.join(" ")}: signals to envctl reach the entry, whose end is 128 + n or its own`,
    needs("root", "overlay"),
    async (t) => {
      const p = begin(t);
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
        const { child, ended } = await begun(p, kind, ["sleep", "1000"]);
        child.kill(signal);
        assert.deepEqual(await ended, [128 + constants.signals[signal], null], signal);
      }
      const killed = await begun(p, kind, ["sleep", "1000"]);
      process.kill(killed.pid, "SIGKILL");
      assert.deepEqual(await killed.ended, [137, null], "killed from outside");
      const script = "trap 'exit 7' TERM; mkdir /trapping; while :; do sleep 0.05; done";
      const trapping = await begun(p, kind, ["sh", "-c", script]);
      await until("it traps", () => existsSync(`/proc/${trapping.pid}/root/trapping`));
      trapping.child.kill("SIGTERM");
      assert.deepEqual(await trapping.ended, [7, null], "an entry that handles the signal decides");
    },
  );
}

test("B10 a missing command is 127 and leaves nothing", needs("root", "overlay"), (t) => {
  const p = begin(t);
  p.write("rootfs/bin/no-interpreter", "#!/does/not/exist\n", 0o755);
  const before = traces(p);
  for (const kind of KINDS) {
    for (const command of ["nope", "/bin/nope", "./nope", "/bin/sh/nope", "no-interpreter", ""]) {
      assert.equal(p.run([...kind, "web", "--", command]).code, 127, `${kind.join(" ")}: ${command}`);
      assert.deepEqual(traces(p), before, `${kind.join(" ")}: ${command}`);
    }
    assert.match(p.run([...kind, "web", "--", "nope"]).stderr, /command not found: "nope"/);
  }
});

test(
  "B10 a missing command of an environment that was never applied is 127, too",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\nentry: { command: [nope] }\n");
    p.ok(["run", "--rm", "web"], 127);
    assert.deepEqual(
      { mounts: p.mounts(), cgroups: p.cgroups(), left: paths(p.state) },
      { mounts: [], cgroups: [], left: ["README", "envs", "layers", "lineage", "locks"] },
    );
  },
);

test(
  "B10 why a throwaway run failed is said though what it left cannot be removed; the next command takes that",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = begin(t);
    const before = traces(p);
    const broken = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unlinkat:error=EIO"];
    const { code, stderr } = p.run(["run", "--rm", "web", "--", "nope"], { before: broken });
    assert.match(stderr, /command not found: "nope"/);
    assert.equal(code, 127);
    assert.notDeepEqual(traces(p), before);
    p.ok(["run", "--rm", "web", "--", "true"]);
    assert.deepEqual(traces(p), before);
  },
);

test("B10 what cannot be executed is 126 and leaves nothing", needs("root", "overlay"), (t) => {
  const p = begin(t);
  p.write("rootfs/bin/plain", "#!/bin/sh\nexit 0\n", 0o644);
  // A program for another machine.
  p.write("rootfs/bin/foreign", "\x7fELF\x01\x02", 0o755);
  mkdirSync(join(p.dir, "rootfs/bin/a-directory"));
  const before = traces(p);
  for (const kind of KINDS) {
    for (const command of ["plain", "/bin/plain", "/etc/passwd", "/bin", "a-directory", "foreign"]) {
      assert.equal(p.run([...kind, "web", "--", command]).code, 126, `${kind.join(" ")}: ${command}`);
      assert.deepEqual(traces(p), before, `${kind.join(" ")}: ${command}`);
    }
  }
});

test(
  "B10 a program that only somebody else may execute is 126 for an ordinary user",
  needs("root", "overlay"),
  (t) => {
    const p = begin(t, "entry: { user: ana }\n");
    p.write("rootfs/bin/private", "#!/bin/sh\nexit 0\n");
    chmodSync(join(p.dir, "rootfs/bin/private"), 0o700);
    for (const kind of KINDS)
      assert.equal(p.run([...kind, "web", "--", "private"]).code, 126, kind.join(" "));
  },
);

test("B10 what envctl itself cannot do is 125", needs("root", "overlay"), (t) => {
  const p = begin(t);
  const failing: readonly (readonly string[])[] = [
    ["web", "--"],
    ["nope", "--", "true"],
    ["web"],
    ["--no-such-option", "web", "--", "true"],
  ];
  for (const kind of KINDS)
    for (const words of failing) {
      assert.equal(p.run([...kind, ...words]).code, 125, words.join(" "));
      assert.equal(p.run(["--state-dir", p.state, ...kind, ...words]).code, 125, words.join(" "));
    }
  p.env("web", "entry: { workdir: /nowhere, user: nobody-here }\n");
  for (const kind of KINDS) assert.equal(p.run([...kind, "-y", "web", "--", "true"]).code, 125);
});
