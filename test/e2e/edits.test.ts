// What an edit of the file comes to where nothing on the host changes by it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project, type RunOptions } from "#test/project";

guard();

const ALL = needs("root", "overlay", "cgroup:pids");

type Planned = {
  readonly envs: readonly {
    readonly actions: readonly {
      readonly address: string;
      readonly op: string;
      readonly changes?: readonly {
        readonly path: string;
        readonly before: unknown;
        readonly after: unknown;
      }[];
    }[];
  }[];
};

const edited = (p: Project, options: RunOptions = {}): Planned["envs"][number]["actions"] =>
  p.json<Planned>(["plan", "web"], 0, options).envs[0]!.actions.filter(({ op }) => op !== "keep");

const script = (last: string): string =>
  `entry:\n  command: |\n    set -e\n    echo one\n    echo two\n    ${last}\n  env: { CI: 1, TOKEN: "\${TOKEN}" }\n`;

test("an edited entry is a change in place, shown as a difference of texts", ALL, (t) => {
  const p = project(t);
  const vars = { env: { TOKEN: "s3cret-4711" } };
  p.env("web", script("echo three"));
  p.ok(["apply", "-y", "web"], 0, vars);
  p.env("web", `${script("echo 3")}  user: root\n`);
  const { stdout } = p.ok(["plan", "web"], 0, vars);
  assert.match(stdout, /\n {2}~ {3}entry +from the next run on\n {8}command +set -e\n/);
  assert.match(stdout, /\n {20}echo two\n {18}- echo three\n {18}\+ echo 3\n {8}user +\(none\) → root\n/);
  assert.match(stdout, /\nPlan: 0 to create, 1 to update, 0 to replace, 0 to delete, 2 unchanged\.\n/);
  assert.deepEqual(
    edited(p, vars)[0]?.changes?.map(({ path }) => path),
    ["command", "user"],
  );
  const before = p.mounts();
  assert.match(p.ok(["apply", "-y", "web"], 0, vars).stderr, /✔ record +entry\n/);
  assert.deepEqual(p.mounts(), before, "no mount is touched");
  assert.deepEqual(edited(p, vars), []);
  assert.ok(!readFileSync(p.place("web", "env.json"), "utf8").includes("s3cret"));
});

test("run takes an edited entry over without a question", ALL, (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [echo, one] }\n");
  assert.equal(p.ok(["run", "web"]).stdout, "one\n");
  p.env("web", "entry: { command: [echo, two] }\n");
  assert.equal(p.ok(["run", "web"]).stdout, "two\n");
  assert.deepEqual(edited(p), []);
  assert.match(p.ok(["drift", "web"]).stdout, /^No drift\./);
});

test("an edit that comes to nothing is written down by apply, and mentioned until then", ALL, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 64 }\n");
  p.ok(["apply", "-y", "web"]);
  p.env("web", "# why 64: see the README\nlimits: { pids: 64 }\n");
  assert.match(p.ok(["drift", "web"]).stdout, /has unapplied edits \(not drift\)/);
  assert.match(p.ok(["plan", "web"]).stdout, /^No changes\. web is as declared\.\n$/);
  p.ok(["apply", "web"]);
  assert.doesNotMatch(p.ok(["drift", "web"]).stdout, /unapplied/);
  const record = (): string => readFileSync(p.place("web", "env.json"), "utf8");
  const written = record();
  p.ok(["apply", "web"]);
  assert.equal(record(), written, "a second apply writes nothing");
});
