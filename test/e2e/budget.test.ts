// What a command loads before it does anything: the part of its time that grows unseen (docs/performance.md).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { CLI, type Project, project } from "#test/project";
import { trace } from "#test/strace";

guard();

const ALL = needs("root", "overlay", "program:strace");
const DIST = dirname(CLI);

/** Runs at exit of the process it is preloaded into: what was loaded since, of Node's own and of native code. */
const PROBE = `
const { readFileSync, writeFileSync } = process.getBuiltinModule("node:fs");
const before = new Set(process.moduleLoadList);
process.on("exit", () => {
  const modules = process.moduleLoadList.filter((name) => name.startsWith("NativeModule ") && !before.has(name));
  const native = readFileSync("/proc/self/maps").toString().match(/\\S+\\.node$/gm) ?? [];
  writeFileSync(process.env.BUDGET_REPORT, JSON.stringify({ modules: modules.map((name) => name.slice(13)), native: [...new Set(native)] }));
});
`;

type Loaded = {
  readonly modules: readonly string[];
  readonly native: readonly string[];
  readonly files: readonly string[];
};

/** What a command opens and loads, in two runs. */
function loaded(p: Project, ...args: readonly string[]): Loaded {
  const probe = p.write("probe.cjs", PROBE);
  const report = join(p.dir, "report.json");
  const run = (env: Readonly<Record<string, string>>, ...node: string[]): void => {
    const all = { ...process.env, ENVCTL_STATE_DIR: p.state, NO_COLOR: "1", ...env };
    const done = spawnSync(process.execPath, [...node, CLI, ...args], {
      cwd: p.dir,
      env: all,
      encoding: "utf8",
    });
    assert.equal(done.status, 0, done.stderr);
  };
  run({ BUDGET_REPORT: report }, "--require", probe);
  const opened = trace(p, args).calls.flatMap(({ line }) => {
    const file = /^open(?:at)?\(.*"([^"]+)", O_RDONLY\|O_CLOEXEC\) = \d/.exec(line)?.[1];
    return file === undefined ? [] : [relative(DIST, file)];
  });
  const files = [...new Set(opened.filter((file) => file.endsWith(".js") && !file.startsWith("..")))];
  return { ...(JSON.parse(readFileSync(report, "utf8")) as Omit<Loaded, "files">), files };
}

/** Without the hash: `parts/parse`. */
const part = (file: string): string => file.replace(/(-[A-Z0-9]{8})?\.js$/, "");
const kilobytes = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(join(DIST, file)).size, 0) / 1000;

test(
  "plan of what is applied loads three files, no parser, no native code and nothing more of Node",
  ALL,
  (t) => {
    const p = project(t);
    p.env("web", 'volumes: ["../cache:/mnt:rw"]\nlimits: { pids: 64 }\n');
    p.ok(["apply", "-y", "web"]);
    const { modules, native, files } = loaded(p, "plan", "web");
    assert.deepEqual(files.map(part).sort(), ["cli", "parts/chunk", "parts/cli"]);
    assert.ok(
      kilobytes(files) < 140,
      `${kilobytes(files)} kB: what is not needed here belongs behind an import()`,
    );
    assert.deepEqual(native, []);
    assert.deepEqual(
      modules.filter((name) => !["internal/fs/dir", "vm"].includes(name)),
      [],
    );
  },
);

test("run --rm of what is applied loads no parser, and of Node what native code takes", ALL, (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [true] }\n");
  p.ok(["apply", "-y", "web"]);
  const { modules, native, files } = loaded(p, "run", "--rm", "web");
  assert.ok(files.length <= 8, files.join(" "));
  assert.ok(!files.some((file) => part(file) === "parts/parse"), files.join(" "));
  assert.ok(kilobytes(files) < 280, `${kilobytes(files)} kB`);
  assert.equal(native.length, 1, native.join(" "));
  const taken = ["internal/fs/dir", "internal/source_map/source_map", "module", "os", "vm"];
  assert.deepEqual(
    modules.filter((name) => !taken.includes(name)),
    [],
  );
});
