// -q and -v, of every command: what they leave out and add, and that results and exit codes are the same.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { COMMANDS } from "#model/commands";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project, type Result } from "#test/project";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

/** A command line that prints what there is to print. */
type Case = {
  readonly words: readonly string[];
  /** Makes the surroundings the same for each run of it. */
  readonly before?: (p: Project) => void;
  readonly code?: number;
  /** What -q leaves of the result, where that is not all of it. */
  readonly quiet?: RegExp;
};

const LOOP = "trap 'exit 3' TERM; echo out; while :; do sleep 0.05; done";

/** One detached run there is, and it runs. */
const started = (p: Project): void => {
  p.run(["rm", "-f", "web"]);
  p.ok(["run", "-d", "web", "--", "sh", "-c", LOOP]);
};
const ended = (p: Project): void => {
  p.run(["rm", "-f", "web"]);
  p.ok(["wait", p.ok(["run", "-d", "web", "--", "sh", "-c", "echo out"]).stdout.trim()]);
};
const applied = (p: Project): void => void p.ok(["apply", "-y", "web"]);
const destroyed = (p: Project): void => void p.ok(["destroy", "-y", "web"]);

/** In an order in which what one leaves does for the next. */
const CASES: readonly Case[] = [
  { words: ["init", "new"], before: (p) => rmSync(join(p.dir, "envs/new.yaml"), { force: true }) },
  { words: ["validate", "web"] },
  { words: ["plan", "web"] },
  { words: ["schema", "error"] },
  { words: ["completion", "bash"] },
  { words: ["graph", "web"] },
  { words: ["doctor"] },
  { words: ["run", "--rm", "web", "--", "sh", "-c", "echo out; exit 7"], code: 7 },
  { words: ["apply", "-y", "web"], before: destroyed },
  { words: ["destroy", "-y", "web"], before: applied },
  { words: ["run", "web", "--", "sh", "-c", "echo out; echo err >&2"], before: applied },
  { words: ["run", "-d", "web", "--", "true"], before: (p) => void p.run(["rm", "-f", "web"]) },
  { words: ["drift"] },
  { words: ["ls"] },
  { words: ["show", "web"] },
  { words: ["stop", "web"], before: started, quiet: /^$/ },
  { words: ["kill", "web"], before: started },
  { words: ["rm", "web"], before: ended },
  { words: ["wait", "web"], before: ended },
  { words: ["logs", "web"] },
  { words: ["ps"], before: started, quiet: /^web\/1\n$/ },
  { words: ["exec", "web", "--", "echo", "out"] },
];

/** Without numbers, which come and go with the run, and the columns that they widen. */
const lines = (text: string): readonly string[] =>
  text.split("\n").map((line) => line.replace(/[\d.]+( (ms|s|min|[KMG]iB)\b)?/g, "0").replace(/ +/g, " "));

test("each command: -q leaves results and errors, -v adds words to stderr alone", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\nentry: { command: [true] }\n");
  const missing = COMMANDS.filter(({ name }) => !CASES.some(({ words }) => words[0] === name));
  assert.deepEqual(missing, [], "every command has a row");
  for (const { words, before, code = 0, quiet } of CASES) {
    await t.test(words.join(" "), () => {
      const say = (...more: readonly string[]): Result => {
        before?.(p);
        return p.ok([...more, ...words], code);
      };
      const [plain, q, v] = [say(), say("-q"), say("-v")];
      if (quiet === undefined) assert.deepEqual(lines(q.stdout), lines(plain.stdout), "-q: the result");
      else assert.match(q.stdout, quiet);
      assert.equal(q.stderr, words.includes("echo out; echo err >&2") ? "err\n" : "", "-q: no words");
      assert.deepEqual(lines(v.stdout), lines(plain.stdout), "-v: the result");
      const told = new Set(lines(v.stderr));
      assert.deepEqual(
        lines(plain.stderr).filter((line) => !told.has(line)),
        [],
        `-v leaves nothing out: ${v.stderr}`,
      );
    });
  }
});

test("each command: an error is told with -q too", (t) => {
  const p = project(t);
  for (const { name } of COMMANDS) {
    const code = ["run", "exec", "wait"].includes(name) ? 125 : 3;
    const { stdout, stderr } = p.ok([name, "--nonsense", "-q"], code);
    assert.equal(stdout, "");
    assert.equal(stderr, `envctl: no option --nonsense\n  See: envctl ${name} --help\n`);
  }
});
