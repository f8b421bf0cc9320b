// SIGKILL anywhere in an apply: the next apply or destroy converges without help (row F3).
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
  wipe,
} from "#test/killing";
import { needs } from "#test/needs";
import { portrait } from "#test/portrait";
import { project } from "#test/project";

guard();

const machine = needs("root", "overlay", "program:strace", "cgroup:memory", "cgroup:pids");
const APPLY = ["apply", "web", "-y"];

test("F3 killed in a first apply", machine, (t) => {
  const p = furnish(project(t));
  declare(p);
  const all = pointsOf(p, APPLY);
  const whole = portrait(p);
  destroy(p);
  const gone = portrait(p);
  sweep(
    p,
    APPLY,
    chosen(all, 14),
    () => wipe(p),
    (index) => {
      if (index % 2 === 0) {
        apply(p);
        isApplied(p, whole);
      }
      destroy(p);
      // Killed before there was a STATE there is nothing to destroy; the next apply makes one of what is there.
      if (!p.exists("state/lineage")) {
        apply(p);
        destroy(p);
      }
      isGone(p, gone);
    },
  );
});
