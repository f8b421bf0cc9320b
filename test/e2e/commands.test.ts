// The commands around the main ones: init, schema, graph, completion.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import Ajv from "ajv";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";

guard();

test("init writes a file that validates and runs as it is", needs("root", "overlay"), (t) => {
  const p = project(t);
  const { stdout } = p.ok(["init", "web"]);
  assert.equal(stdout, "Wrote envs/web.yaml.\nNext: envctl plan web, then envctl run --rm web\n");
  p.ok(["validate"]);
  assert.equal(p.ok(["run", "--rm", "web"]).stdout, "Hello from web\n");
  const validate = new Ajv.default({ strict: false });
  assert.ok(validate.validateSchema(JSON.parse(p.ok(["schema"]).stdout) as object));
});

test("init never overwrites, takes the directory's name, and finds a rootfs that exists", (t) => {
  const p = project(t);
  const file = p.write("envs/web.yml", "mine\n");
  const { stderr } = p.ok(["init", "web"], 3);
  assert.match(stderr, /envs\/web\.yml is there already/);
  assert.equal(readFileSync(file, "utf8"), "mine\n");
  assert.equal(p.exists("envs/web.yaml"), false);
  p.ok(["init", "Not A Name"], 3);
  p.ok(["init", "a", "b"], 3);
  const empty = join(p.dir, "My Project.2");
  mkdirSync(empty);
  const made = p.json(["init"], 0, { cwd: empty });
  assert.deepEqual(made, {
    format: "envctl.init/1",
    name: "my-project-2",
    file: join(empty, "envs/my-project-2.yaml"),
  });
  p.ok(["validate"], 0, { cwd: empty });
  assert.match(readFileSync(join(empty, "envs/my-project-2.yaml"), "utf8"), /^ {2}host:\n {4}- \/\S+\/sh$/m);
  p.ok(["init"], 3, { cwd: empty });
  assert.equal(p.exists("state"), false);
});

test(
  "init without a rootfs writes what can be applied at once, without a warning",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const cwd = join(p.dir, "fresh");
    mkdirSync(cwd);
    p.ok(["init", "web"], 0, { cwd });
    assert.doesNotMatch(p.ok(["plan"], 0, { cwd }).stdout, /Warning/);
    p.ok(["apply", "-y"], 0, { cwd });
    assert.equal(p.ok(["run", "web"], 0, { cwd }).stdout, "Hello from web\n");
    p.ok(["run", "web", "--", "cat", "/etc/shadow"], 1, { cwd });
  },
);

test("the version, also for machines", (t) => {
  const p = project(t);
  const { stdout } = p.ok(["--version"]);
  const [, version] = /^envctl (\S+)\n$/.exec(stdout) ?? [];
  assert.deepEqual(p.json(["version"]), { format: "envctl.version/1", version });
  assert.deepEqual(p.json(["--version"]), p.json(["version"]));
});

test("schema prints each published schema", (t) => {
  const p = project(t);
  for (const name of ["plan", "graph", "error"]) {
    const schema = JSON.parse(p.ok(["schema", name]).stdout) as { title: string };
    assert.equal(schema.title, `envctl.${name}/1`);
    assert.ok(new Ajv2020.default({ strict: true, allowUnionTypes: true }).compile(schema));
  }
  assert.equal(
    p.ok(["schema"]).stdout,
    readFileSync(new URL("../../schemas/env.schema.json", import.meta.url), "utf8"),
  );
  assert.match(p.ok(["schema", "plam"], 3).stderr, /Did you mean "plan"/);
});

test("graph draws the file, and the record where the file is gone", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("tools/x", "x");
  p.env(
    "web",
    "lowers: [../tools]\nvolumes: [../src:/work]\ntmpfs: [{ target: /tmp }]\nlimits: { pids: 9 }\n",
  );
  const drawn = p.json<{ layers: { source: string }[]; mounts: { target: string }[] }>(["graph", "web"]);
  assert.deepEqual(
    drawn.layers.map((l) => l.source),
    ["../tools", "../rootfs"],
  );
  assert.deepEqual(
    drawn.mounts.map((m) => m.target),
    ["/tmp", "/work"],
  );
  for (const [format, start] of [
    ["text", /^web {2}envs\/web\.yaml/],
    ["mermaid", /^flowchart TB\n/],
    ["svg", /^<svg .*<\/svg>\n$/s],
  ] as const) {
    const { stdout } = p.ok(["graph", "web", "--format", format]);
    assert.match(stdout, start);
    for (const word of ["../tools", "/work", "9 processes"])
      assert.ok(stdout.includes(word), `${format}: ${word}`);
  }
  p.ok(["graph", "web", "--format", "png"], 3);
  assert.equal(p.exists("state"), false);
  p.ok(["apply", "-y"]);
  rmSync(join(p.dir, "envs/web.yaml"));
  assert.match(p.ok(["graph", "web"]).stdout, /file gone: as recorded/);
});

test("completion knows the environments of the directory and of this host", needs("root", "overlay"), (t) => {
  const p = project(t);
  assert.equal(p.ok(["completion", "names"], 0, { cwd: "/" }).stdout, "");
  p.env("web");
  p.env("api");
  p.ok(["apply", "-y", "web"]);
  assert.equal(p.ok(["completion", "names"]).stdout, `api\nweb\n${p.id("web")}\n`);
  assert.equal(p.ok(["completion", "names"], 0, { cwd: "/" }).stdout, `web\n${p.id("web")}\n`);
  for (const shell of ["bash", "zsh", "fish"])
    assert.match(p.ok(["completion", shell]).stdout, /envctl completion names/);
  assert.match(p.ok(["completion", "tcsh"], 3).stderr, /There are bash, zsh, fish/);
  p.ok(["completion"], 3);
});
