// Every example of the README is run as it stands, each section in a project of its own. With ENVCTL_UPDATE_GOLDEN=1 (npm run golden)
// what the commands print is written into the page where it differs.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { after } from "node:test";
import { fileURLToPath } from "node:url";
import { difference, type Section, sections, type, type Session, type Typed } from "#test/cookbook";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project, type Project } from "#test/project";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = join(root, "README.md");
const update = process.env["ENVCTL_UPDATE_GOLDEN"] === "1" && !process.env["CI"];
const machine = needs(
  "root",
  "overlay",
  "program:busybox",
  "cgroup:memory",
  "cgroup:pids",
  "cgroup:cpuset",
  "cgroup:cpu",
);

function play(p: Project, block: Session): void {
  const answers = type(p, block);
  for (const [i, at] of block.typed.entries()) {
    const { command, exit, expected } = at;
    const { code, lines } = answers[i]!;
    const said = `$ ${command}\n${lines.join("\n")}`;
    assert.equal(code, exit, `ended with ${code}, not ${exit}\n${said}`);
    const parted = difference(expected, lines);
    if (parted !== undefined && update) fresh.push({ at, lines });
    else assert.equal(parted, undefined, `${parted}\n${said}`);
  }
}

/** From the last to the first: a rewritten answer moves what stands below it. */
const fresh: { readonly at: Typed; readonly lines: readonly string[] }[] = [];
after(() => {
  if (fresh.length === 0) return;
  const text = readFileSync(page, "utf8").split("\n");
  for (const { at, lines } of fresh.toReversed()) text.splice(at.line, at.expected.length, ...lines);
  writeFileSync(page, text.join("\n"));
});

guard();

const found = sections(readFileSync(page, "utf8"));
const [start] = found as [Section];
const making = start.blocks.find(
  (block): block is Session =>
    block.kind === "session" && block.typed.some((t) => t.command.startsWith("chroot")),
)!; // of the root filesystem that the recipes use

for (const { title, blocks } of found) {
  if (!blocks.some(({ kind }) => kind === "session")) continue;
  test(`README: ${title}`, machine, (t) => {
    const p = project(t);
    rmSync(join(p.dir, "rootfs"), { recursive: true });
    if (title !== start.title) play(p, making);
    for (const block of blocks) {
      if (block.kind === "file") p.write(block.path, block.text, /^#!/m.test(block.text) ? 0o755 : 0o644);
      else play(p, block);
    }
  });
}

test("the README is more than its words: its quick start and ten recipes are run", () => {
  const sessions = found.filter(({ blocks }) => blocks.some(({ kind }) => kind === "session"));
  assert.ok(sessions.length > 10, `${sessions.length} sections with sessions`);
});

test("the environments of envs/ run over what the demo builds", machine, (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "build/demo"), { recursive: true });
  renameSync(join(p.dir, "rootfs"), join(p.dir, "build/demo/rootfs"));
  p.write("build/demo/tools/bin/greet", "#!/bin/sh\necho hello $1\n", 0o755);
  p.write("build/demo/src/hello", "hello from the host\n");
  cpSync(join(root, "envs"), join(p.dir, "envs"), { recursive: true });
  p.ok(["validate"]);
  const said = readdirSync(join(p.dir, "envs")).map((file) => {
    const name = file.replace(".yaml", "");
    if (name === "service") return p.ok(["run", "-d", "--wait", name]).stdout;
    const command = name === "scratch" ? ["--", "sh", "-c", "pwd"] : [];
    return p.ok(["run", "--rm", name, ...command]).stdout;
  });
  assert.deepEqual(said, [
    "hello from the host\nhello from a layer\n",
    "in /tmp one can write\n",
    "/root\n",
    "service/1\n",
  ]);
});

test("the examples of docs/file-format.md are valid and run", machine, (t) => {
  const p = project(t);
  for (const { blocks } of sections(readFileSync(join(root, "docs/file-format.md"), "utf8")))
    for (const block of blocks) if (block.kind === "file") p.write(block.path, block.text);
  for (const dir of ["src", "layers/tools"]) mkdirSync(join(p.dir, dir), { recursive: true });
  p.ok(["validate"]);
  p.ok(["run", "--rm", "box", "--", "true"]);
  assert.equal(p.ok(["run", "--rm", "web-tests"]).stdout, "hello\n");
});
