// What an environment is called, and what an argument names (the contract's "Identity"): computed here anew, by nothing of src/.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";
import { groupOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";

guard();

const machine = needs("root", "overlay");

const digest = (dir: string): string =>
  createHash("sha256").update(realpathSync(dir)).digest("hex").slice(0, 8);

/** The ids of the environments that a plan speaks of. */
const planned = (p: Project, ...args: readonly string[]): readonly string[] =>
  p.json<{ envs: { id: string }[] }>(["plan", ...args]).envs.map(({ id }) => id);

/** Two directories with a file of one name each. */
function twins(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.env("web");
  for (const dir of ["one", "two"])
    p.write(`${dir}/envs/web.yaml`, p.read("envs/web.yaml").replace("../", "../../"));
  return p;
}

test(
  "an id is the name and 8 digits of the directory's real path; mounts and groups carry it with the lineage",
  needs("root", "overlay", "cgroup:pids"),
  (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 9 }\n");
    const id = `web-${digest(join(p.dir, "envs"))}`;
    symlinkSync("envs", join(p.dir, "link"));
    for (const args of [["web"], ["envs/web.yaml"], ["./link/"], ["link/web.yaml"], ["-C", p.dir]])
      assert.deepEqual(planned(p, ...args), [id], args.join(" "));
    p.ok(["apply", "web", "-y"]);
    assert.match(p.lineage(), /^[0-9a-f]{8}$/);
    assert.equal(p.mounts()[0]!.source, `envctl:${p.lineage()}:${id}`);
    assert.equal(basename(groupOf(p, "web", "pids")), id);
    assert.deepEqual(planned(p, id), [id]);
  },
);

test("a name is a file's in ./envs first, then a record's; of several none is taken", machine, (t) => {
  const p = twins(t);
  const [one, two] = ["one", "two"].map((dir) => `web-${digest(join(p.dir, dir, "envs"))}`) as [
    string,
    string,
  ];
  for (const dir of ["one", "two"]) p.ok(["apply", "-y"], 0, { cwd: join(p.dir, dir) });
  // Beside no file of that name, both are meant.
  mkdirSync(join(p.dir, "empty"));
  for (const args of [["show"], ["drift"], ["plan"], ["destroy", "-y"]]) {
    const [verb, ...more] = args as [string, ...string[]];
    const { stderr } = p.ok([verb, "web", ...more], 3, { cwd: join(p.dir, "empty") });
    assert.match(stderr, /web names 2 environments of this host/);
    for (const id of [one, two]) assert.ok(stderr.includes(id), stderr);
  }
  assert.equal(p.mounts().length, 2);
  // By its id from anywhere, and by its name beside its file.
  assert.deepEqual(planned(p, one), [one]);
  p.ok(["destroy", "web", "-y"], 0, { cwd: join(p.dir, "two") });
  // With one left the name is enough, whatever became of the file.
  renameSync(join(p.dir, "one/envs"), join(p.dir, "one/gone"));
  p.ok(["show", "web"], 0, { cwd: join(p.dir, "empty") });
  p.ok(["destroy", "web", "-y"], 0, { cwd: join(p.dir, "empty") });
  assert.deepEqual(p.mounts(), []);
});

test("a directory means the files in it, in the order of their names; no argument ./envs", machine, (t) => {
  const p = project(t);
  for (const name of ["b", "a"]) p.env(name);
  p.write("envs/c.yml", p.read("envs/a.yaml").replace("name: a", "name: c"));
  p.write("envs/notes.txt", "no environment");
  const names = (...args: readonly string[]): readonly string[] =>
    planned(p, ...args).map((id) => id.slice(0, -9));
  assert.deepEqual(names(), ["a", "b", "c"]);
  assert.deepEqual(names("envs/"), ["a", "b", "c"]);
  assert.deepEqual(names("c", "a", "envs/c.yml"), ["c", "a"], "each once, as they were named");
  for (const [code, ...words] of [
    [3, "show", "./envs"],
    [3, "graph", "./envs"],
    [125, "run", "--rm", "./envs", "--", "true"],
    [125, "run", "./envs", "--", "true"],
  ] as const) {
    const { stderr } = p.ok(words, code);
    assert.match(
      stderr,
      /\.\/envs holds 3 environments\n.*\.\/envs\/a\.yaml, \.\/envs\/b\.yaml/s,
      "none is chosen",
    );
  }
  assert.equal(p.exists("state"), false);
  rmSync(join(p.dir, "envs"), { recursive: true });
  for (const verb of ["validate", "plan", "apply", "destroy"])
    assert.match(p.ok([verb], 3).stderr, /no environment files in envs\//);
});
