// apply and destroy for machines: whatever happens, a stream begins with the version and ends with a summary, and what failed is one object.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { occupant, runs, until } from "#test/occupant";
import { type Project, project } from "#test/project";

guard();

const machine = needs("root", "overlay");

type Line = Readonly<Record<string, unknown>>;
type Told = { readonly diagnostics: readonly { readonly code: string; readonly detail: string }[] };

/** The middle of a stream, its diagnostics and its summary. */
function told(
  p: Project,
  args: readonly string[],
  code = 0,
): { errors: Told["diagnostics"]; end: Line; all: string } {
  const lines = p.lines(args, code);
  const format = `envctl.${args[0]}/1`;
  const [first, second, end] = [lines[0]!, lines[1]!, lines.at(-1)!];
  assert.deepEqual([first["format"], first["event"], second["event"]], [format, "version", "planned"]);
  assert.deepEqual([end["format"], end["event"]], [format, "summary"]);
  const failures = lines.filter((line) => line["format"] === "envctl.error/1");
  assert.ok(failures.length <= 1, "one failure, one object");
  const all = lines.map((line) => line["event"] ?? "error").join(" ");
  return { errors: (failures[0] as Told | undefined)?.diagnostics ?? [], end, all };
}

const NONE = { create: 0, update: 0, replace: 0, delete: 0, keep: 0 };

test("a stream with nothing to do has its summary, too", machine, (t) => {
  const p = project(t);
  p.env("web");
  p.ok(["apply", "-y"]);
  const { end, all } = told(p, ["apply"]);
  assert.equal(all, "version planned summary");
  assert.deepEqual([end["ok"], end["summary"]], [true, { ...NONE, keep: 2 }]);
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(told(p, ["destroy", "web"]).end["summary"], NONE);
});

test(
  "what is blocked, refused and not to be planned is one error, before the summary",
  machine,
  async (t) => {
    const p = project(t);
    for (const name of ["busy", "odd", "torn"]) p.env(name);
    p.ok(["apply", "busy", "torn", "-y"]);
    const inside = occupant(p, ["sleep", "1000"], { cwd: p.place("busy", "merged/etc") });
    await until("the occupant sits inside", () => runs(inside.pid, "sleep"));
    const busy = told(p, ["destroy", "busy", "-y"], 5);
    assert.equal(busy.all, "version planned error summary");
    assert.deepEqual([busy.end["ok"], busy.end["summary"]], [false, NONE]);
    assert.equal(busy.errors[0]!.code, "busy");
    assert.match(busy.errors[0]!.detail, new RegExp(`process ${inside.pid} \\(sleep 1000\\).*cwd /etc`));

    const record = p.place("torn", "env.json");
    const text = readFileSync(record, "utf8");
    p.after(() => writeFileSync(record, text));
    appendFileSync(record, "x");
    const both = told(p, ["destroy", "busy", "torn", "-y"], 1);
    assert.deepEqual(both.errors.map(({ code }) => code).sort(), ["bad_record", "busy"]);
    const [alone, ...more] = p.lines(["apply", "torn", "-y"], 1);
    assert.deepEqual(
      [alone!["format"], more],
      ["envctl.error/1", []],
      "where nothing was planned no stream begins",
    );
    const unasked = p.lines(["apply"], 3).at(-1) as Told;
    assert.deepEqual(
      unasked.diagnostics.map(({ code }) => code),
      ["bad_record", "usage"],
    );
    await inside.end();
  },
);

test("a step that fails is told where it happens, and once more at the end", machine, (t) => {
  const p = project(t);
  p.write("a/file", "a");
  p.env("web", "volumes: [../a:/etc/passwd]\n");
  const { errors, end, all } = told(p, ["apply", "-y"], 1);
  assert.match(all, /step_failed .*undo_done error summary$/);
  assert.equal(errors.length, 1);
  assert.deepEqual([end["ok"], end["failed"]], [false, "undone"]);
});
