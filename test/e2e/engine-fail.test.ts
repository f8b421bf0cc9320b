// Calls that the kernel refuses, one by one: what stood before stands again, and it is said which call it was (row A18).
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import {
  apply,
  type Body,
  chosen,
  declare,
  destroy,
  furnish,
  isApplied,
  isGone,
  pointsOf,
  writeInside,
} from "#test/killing";
import { needs } from "#test/needs";
import { portrait } from "#test/portrait";
import { project } from "#test/project";
import { failAt, type Point } from "#test/strace";

guard();

const machine = needs("root", "overlay", "program:strace", "cgroup:memory", "cgroup:pids");
const APPLY = ["apply", "web", "-y"];

/** Not the way back from a private namespace, which never fails, letting go of a lock, and what Node itself depends on. */
const refusable = ({ name }: Point): boolean =>
  !/^(unshare|setns|fchdir|chroot|flock|write|io_uring_enter|set\w+|clone3?)$/.test(name);

/** Every call that makes a directory is among them: few fail with such effect. */
const some = (all: readonly Point[], most: number): readonly Point[] => {
  const possible = all.filter(refusable);
  const spread = chosen(possible, most);
  return possible.filter((point) => spread.includes(point) || (point.name === "mkdirat" && point.nth === 1));
};

test("A18 a first apply that fails at any call leaves nothing", machine, (t) => {
  const p = furnish(project(t));
  declare(p);
  // So that there is a STATE, and on cgroup v2 the controllers are handed down as they stay once somebody needed them.
  p.env("other", "limits: { memory: 64MiB, pids: 64 }\n");
  p.ok(["apply", "other", "-y"]);
  const before = portrait(p);
  const all = pointsOf(p, APPLY);
  const whole = portrait(p);
  destroy(p);
  for (const [index, point] of some(all, 7).entries()) {
    rmSync(join(p.dir, "home/made"), { recursive: true });
    const { code, stderr } = failAt(p, APPLY, point);
    if (code !== 0) {
      assert.equal(portrait(p), before, `refused: ${point.line}\n${stderr}`);
      assert.ok(stderr.includes("EIO"), stderr);
      assert.ok(!existsSync(join(p.dir, "home/made")), `refused: ${point.line}`);
    }
    apply(p);
    if (index % 3 === 0) isApplied(p, whole);
    else assert.equal(portrait(p), whole);
    destroy(p);
  }
});

const changes: readonly (readonly [what: string, from: Body, to: Body])[] = [
  ["replaces the overlay", {}, { lowers: "../layer" }],
  ["changes volumes and limits in place", { memory: "96MiB" }, { access: "rw" }],
];

for (const [what, from, to] of changes) {
  test(`A18 an apply that ${what} and fails at any call puts back what was there`, machine, (t) => {
    const p = furnish(project(t));
    declare(p, from);
    apply(p);
    writeInside(p);
    const old = portrait(p);
    declare(p, to);
    const all = pointsOf(p, APPLY);
    const changed = portrait(p);
    for (const point of some(all, 5)) {
      declare(p, from);
      apply(p);
      declare(p, to);
      const { code, stderr } = failAt(p, APPLY, point);
      assert.equal(portrait(p), code === 0 ? changed : old, `refused: ${point.line}\n${stderr}`);
      assert.ok(existsSync(p.place("web", "merged/written")));
    }
  });
}

test("A18 a destroy that fails at any call says so, and goes on when it is repeated", machine, (t) => {
  const p = furnish(project(t));
  declare(p);
  apply(p);
  const args = ["destroy", "web", "-y"];
  const all = pointsOf(p, args);
  const gone = portrait(p);
  for (const point of some(all, 5)) {
    apply(p);
    writeInside(p);
    const { code, stderr } = failAt(p, args, point);
    if (code !== 0) assert.ok(stderr.includes("EIO"), `refused: ${point.line}\n${stderr}`);
    destroy(p);
    isGone(p, gone);
  }
});
