import assert from "node:assert/strict";
import test from "node:test";
import { timingsText } from "#views/timings";
import { LOOK } from "./fixtures.ts";

test("a line a stage, numbers in one column, and their sum", () => {
  const text = timingsText(
    [
      { stage: "node", ms: 25.04 },
      { stage: "clean up", ms: 103.25 },
    ],
    LOOK,
  );
  assert.equal(text, "  node         25.0 ms\n  clean up    103.3 ms\n  total       128.3 ms\n");
});
