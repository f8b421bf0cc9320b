// Several environments of one command are carried out side by side: what is told, what fails, what is cut short.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { signalledAt } from "#test/signalled";

guard();

const machine = needs("root", "overlay", "mounts");
const names = Array.from({ length: 24 }, (_, n) => `e${String(n).padStart(2, "0")}`);

/** `bad` names a target below a file, which the kernel is the first to refuse. */
function many(t: Parameters<typeof project>[0], bad?: string): Project {
  const p = project(t);
  mkdirSync(join(p.dir, "shared"));
  for (const name of names)
    p.env(name, `volumes: ["../shared:${name === bad ? "/etc/passwd/x" : "/srv"}"]\n`);
  return p;
}

const applied = (p: Project): readonly string[] =>
  names.filter((name) => readdirSync(join(p.state, "envs")).some((id) => id.startsWith(`${name}-`)));

test("many environments are told one after the other, and all are tried", machine, (t) => {
  const p = many(t, "e05");
  const { stderr } = p.ok(["apply", "-y", "envs/"], 1);
  const told = stderr.slice(stderr.indexOf("\ne00\n"));
  const heads = told.split("\n").filter((line) => names.includes(line));
  assert.deepEqual(heads, names);
  const of = (name: string): string =>
    told.slice(told.indexOf(`\n${name}\n`), told.indexOf(`\n${names[names.indexOf(name) + 1]}\n`));
  assert.match(of("e05"), /volume\["\/etc\/passwd\/x"\]/);
  assert.match(of("e05"), /ENOTDIR/);
  for (const name of ["e04", "e06", "e13"]) {
    assert.match(of(name), /mount +overlay/);
    assert.doesNotMatch(of(name), /ENOTDIR|undo/);
  }
  assert.deepEqual(
    applied(p),
    names.filter((name) => name !== "e05"),
  );
  assert.equal(p.mounts().length, 2 * (names.length - 1));
  p.env("e05");
  const lines = p.lines(["apply", "-y", "envs/"]);
  assert.deepEqual(
    [...new Set(lines.flatMap((line) => (typeof line["env"] === "string" ? [line["env"]] : [])))],
    [p.id("e05")],
    "the others stand",
  );
  p.ok(["drift"]);
  p.ok(["destroy", "--all", "-y"]);
  assert.deepEqual([p.mounts(), applied(p)], [[], []]);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGKILL", null],
] as const) {
  test(
    `${signal} while many are under way: each stands or is gone, and the next apply goes on`,
    needs("root", "overlay", "mounts", "program:strace"),
    async (t) => {
      const p = many(t);
      const { code: status } = await signalledAt(p, 30, signal, ["apply", "-y", "envs/"]);
      if (code !== null) {
        assert.equal(status, code);
        assert.ok(applied(p).length < names.length, "it was in the middle");
        assert.equal(p.mounts().length, 2 * applied(p).length);
        p.ok(["drift"]);
      }
      p.ok(["apply", "-y", "envs/"]);
      assert.deepEqual(applied(p), names);
      assert.equal(p.mounts().length, 2 * names.length);
      p.ok(["drift"]);
      p.ok(["plan", "--detailed-exitcode"]);
    },
  );
}
