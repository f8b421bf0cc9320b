import assert from "node:assert/strict";
import test from "node:test";
import { timings } from "#model/timings";

test("laps are counted from the start of the process, and a stage that comes again is added up where it was", () => {
  let now = 40;
  const watch = timings(() => now);
  watch.lap("node");
  for (const [stage, ms] of [
    ["observe", 3],
    ["plan", 1],
    ["observe", 4],
  ] as const) {
    now += ms;
    watch.lap(stage);
  }
  assert.deepEqual(watch.all(), [
    { stage: "node", ms: 40 },
    { stage: "observe", ms: 7 },
    { stage: "plan", ms: 1 },
  ]);
});
