import assert from "node:assert/strict";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";

guard();
const ALL = needs("root", "overlay");

/** The stages in the order printed; every number is one. */
function stages(stderr: string): readonly string[] {
  const rows = [...stderr.matchAll(/^ {2}([a-z ]+?) +(\d+\.\d) ms$/gm)];
  const last = rows.at(-1)!;
  const sum = rows.slice(0, -1).reduce((all, row) => all + Number(row[2]), 0);
  assert.equal(last[1], "total");
  assert.ok(Math.abs(Number(last[2]) - sum) < 1, `${last[2]} is not the sum, ${sum}`);
  return rows.slice(0, -1).map((row) => row[1]!);
}

test("--timings tells on stderr what each stage took, whatever the command answers", ALL, (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [sh, -c, exit 7] }\n");
  assert.equal(p.ok(["plan", "web"]).stderr, "");
  const planned = p.ok(["plan", "web", "--timings", "--json"]);
  assert.deepEqual(stages(planned.stderr), ["node", "load", "parse", "observe", "plan", "print"]);
  JSON.parse(planned.stdout);
  const ran = p.ok(["run", "--rm", "web", "--timings"], 7);
  const all = ["node", "load", "parse", "observe", "plan", "execute", "launch", "entry", "clean up", "print"];
  assert.deepEqual(stages(ran.stderr), all);
  const applied = p.ok(["apply", "-y", "web", "--timings"]);
  assert.deepEqual(stages(applied.stderr), ["node", "load", "parse", "observe", "plan", "execute", "print"]);
  assert.deepEqual(stages(p.ok(["drift", "--timings"]).stderr), ["node", "load", "observe", "print"]);
  const wrong = p.run(["plan", "none", "--timings"]);
  assert.equal(wrong.code, 3);
  assert.deepEqual(stages(wrong.stderr), ["node", "load", "print"]);
});
