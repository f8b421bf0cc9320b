// SIGKILL anywhere in an apply that replaces the overlay, or that changes volumes and limits in place (row F3).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
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
  sweep,
  writeInside,
} from "#test/killing";
import { needs } from "#test/needs";
import { portrait } from "#test/portrait";
import { project } from "#test/project";

guard();

const machine = needs("root", "overlay", "program:strace", "cgroup:memory", "cgroup:pids");
const APPLY = ["apply", "web", "-y"];

const changes: readonly (readonly [what: string, from: Body, to: Body])[] = [
  ["replaces the overlay", {}, { lowers: "../layer" }],
  ["changes volumes and limits in place", { memory: "96MiB" }, { access: "rw" }],
];

for (const [what, from, to] of changes) {
  test(`F3 killed in an apply that ${what}`, machine, (t) => {
    const p = furnish(project(t));
    declare(p, from);
    apply(p);
    const old = portrait(p);
    declare(p, to);
    const all = pointsOf(p, APPLY);
    const changed = portrait(p);
    destroy(p);
    const gone = portrait(p);
    const prepare = (): void => {
      declare(p, from);
      apply(p);
      writeInside(p);
      declare(p, to);
    };
    // The change is finished, taken back, or everything is taken away.
    sweep(p, APPLY, chosen(all, 6), prepare, (index) => {
      if (index % 3 === 1) declare(p, from);
      if (index % 3 < 2) {
        apply(p);
        isApplied(p, index % 3 === 1 ? old : changed);
        assert.equal(readFileSync(p.place("web", "merged/written"), "utf8"), "inside");
      }
      destroy(p);
      isGone(p, gone);
    });
  });
}
