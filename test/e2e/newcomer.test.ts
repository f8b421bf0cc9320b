// What somebody sees who starts envctl for the first time, and not quite rightly.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { CLI, project, type Project } from "#test/project";

guard();

const USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"];

for (const [line, code] of [
  ["apply web -y", 1],
  ["destroy --all -y", 1],
  ["run web", 125],
] as const) {
  test(
    `an ordinary user's ${line} is told that it needs root, before anything is made`,
    needs("root", "program:setpriv"),
    (t) => {
      const p = project(t);
      p.env("web", "entry: { command: [true] }\n");
      const { stderr, stdout } = p.ok(line.split(" "), code, { before: USER });
      assert.match(stderr, /^envctl: (apply|destroy|run) needs root: .*\n.*sudo/);
      assert.equal(stdout, "");
      assert.ok(!existsSync(p.state));
    },
  );
}

const CONTAINER = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];

for (const [line, code] of [
  ["apply web -y", 1],
  ["destroy --all -y", 1],
  ["run --rm web", 125],
] as const) {
  test(
    `root of a container that may mount nothing is told so by ${line}, before anything is made`,
    needs("root", "program:setpriv"),
    (t) => {
      const p = project(t);
      p.env("web", "entry: { command: [true] }\n");
      const { stderr, stdout } = p.ok(line.split(" "), code, { before: CONTAINER });
      assert.match(stderr, /^envctl: (apply|destroy|run) needs CAP_SYS_ADMIN, .*\n.*--privileged/s);
      assert.equal(stdout, "");
      assert.ok(!existsSync(p.state));
    },
  );
}

test("a Node that lacks what the bundle begins with is named in one sentence", () => {
  const program = `process.getBuiltinModule = undefined; await import(${JSON.stringify(CLI)});`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program, "ls"], {
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr, /^envctl needs Node [\d.]+ or newer, and this is v[\d.]+\n$/);
});

test("a question that nobody can answer stands apart from the plan", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web");
  const { stderr } = p.ok(["apply"], 3);
  assert.match(stderr, /unchanged\.\n\nenvctl: nobody is there to ask: without a terminal -y is required\n/);
});

test("what is there under an environment's name and is no regular file is called what it is", (t) => {
  const p = project(t);
  p.env("web");
  execFileSync("mkfifo", [join(p.dir, "envs/pipe.yaml")]);
  for (const args of [["plan", "pipe"], ["plan", "./envs/pipe.yaml"], ["plan"]])
    assert.match(p.ok(args, 3).stderr, /envs\/pipe\.yaml is a fifo\n/);
  symlinkSync("/dev/null", join(p.dir, "envs/null.yaml"));
  assert.match(p.ok(["plan", "null"], 3).stderr, /envs\/null\.yaml is a device\n/);
});

test("a directory named without a slash is taken for a name, and the hint says so", (t) => {
  const p = project(t);
  p.env("web");
  assert.match(
    p.ok(["plan", "envs"], 3).stderr,
    /no environment "envs".*\n {2}Did you mean the path\? .*\.\/envs\n/,
  );
});

/** What a terminal shows when `answer` is typed at the question. */
async function asked(
  p: Project,
  answer: string,
): Promise<{ readonly shown: string; readonly code: number | null }> {
  const line = `${process.execPath} ${CLI} apply`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    cwd: p.dir,
    env: { ...process.env, ENVCTL_STATE_DIR: p.state },
  });
  let shown = "";
  let typed = false;
  child.stdout.on("data", (bytes) => {
    shown += String(bytes);
    if (typed || !shown.includes("[y/N]")) return;
    typed = true;
    child.stdin.write(answer);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { shown, code };
}

for (const [what, answer, code] of [
  ["Ctrl-C", "\x03", 130],
  ["Ctrl-D", "\x04", 1],
  ["Enter", "\r", 1],
] as const) {
  test(
    `${what} at the question changes nothing and ends with ${code}`,
    needs("root", "overlay", "program:script"),
    async (t) => {
      const p = project(t);
      p.env("web");
      const end = await asked(p, answer);
      assert.match(end.shown, /\r\nNothing was changed\.\r\n$/);
      assert.equal(end.code, code);
      assert.deepEqual(p.mounts(), []);
    },
  );
}

test("without /proc a sentence says what to do", needs("root", "mounts"), (t) => {
  const p = project(t);
  p.env("web");
  const before = ["unshare", "-m", "sh", "-c", 'umount -lR /proc; exec "$@"', "sh"];
  for (const [exit, ...args] of [
    [1, "plan"],
    [1, "ls"],
    [1, "doctor"],
    [1, "apply", "-y"],
    [125, "run", "--rm", "web", "--", "true"],
  ] as const) {
    const { stderr } = p.ok(args, exit, { before });
    assert.equal(stderr, "envctl: /proc is not mounted here\n  mount -t proc proc /proc\n", args.join(" "));
  }
});

test("a result that a full disk swallowed is no success", (t) => {
  const p = project(t);
  const into = (file: string): readonly string[] => ["sh", "-c", `exec "$@" > ${file}`, "sh"];
  const { stderr } = p.ok(["ls", "--json"], 1, { before: into("/dev/full") });
  assert.equal(stderr, "envctl: standard output cannot be written to: ENOSPC\n");
  assert.equal(p.ok(["ls"], 0, { before: into("/dev/null") }).stderr, "");
});
