// SIGKILL anywhere in a destroy, and in a throwaway run (row F3).
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import {
  apply,
  chosen,
  declare,
  destroy,
  furnish,
  isApplied,
  isGone,
  pointsOf,
  sweep,
  writeInside,
} from "#test/killing";
import { needs } from "#test/needs";
import { portrait } from "#test/portrait";
import { project } from "#test/project";

guard();

const machine = needs("root", "overlay", "program:strace", "cgroup:memory", "cgroup:pids");

test("F3 killed in a destroy", machine, (t) => {
  const p = furnish(project(t));
  declare(p);
  apply(p);
  const whole = portrait(p);
  const args = ["destroy", "web", "-y"];
  const all = pointsOf(p, args);
  const gone = portrait(p);
  const prepare = (): void => {
    apply(p);
    writeInside(p);
  };
  sweep(p, args, chosen(all, 7), prepare, (index) => {
    if (index % 2 === 0) {
      apply(p);
      isApplied(p, whole);
    }
    destroy(p);
    isGone(p, gone);
  });
});

test("F3 killed in a throwaway run beside an applied environment", machine, (t) => {
  const p = furnish(project(t));
  declare(p);
  apply(p);
  const whole = portrait(p);
  const args = ["run", "--rm", "web", "--", "touch", "/var/cache/app/ran"];
  const all = pointsOf(p, args);
  const instances = (): readonly string[] =>
    readdirSync(join(p.state, "envs")).filter((id) => id.includes(".r"));
  sweep(
    p,
    args,
    chosen(all, 7),
    () => undefined,
    (index) => {
      p.ok(["plan", "web", "--detailed-exitcode"]);
      // Whatever command comes next sweeps.
      if (index % 2 === 0) apply(p);
      else p.ok(["run", "--rm", "web", "--", "true"]);
      assert.deepEqual(instances(), []);
      isApplied(p, whole);
    },
  );
  destroy(p);
  assert.ok(existsSync(join(p.dir, "cache/canary")));
});
