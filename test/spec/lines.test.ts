import assert from "node:assert/strict";
import test from "node:test";
import { spotter } from "#spec/lines";

test("offsets become lines and columns", () => {
  const spot = spotter("ab\r\ncdé😀f\n\n  x  \n");
  assert.deepEqual(spot([0, 1]), { span: { line: 1, column: 1, length: 1 }, text: "ab" });
  assert.deepEqual(spot([1, 6]), { span: { line: 1, column: 2, length: 1 }, text: "ab" });
  assert.deepEqual(spot([7, 9]), { span: { line: 2, column: 4, length: 1 }, text: "cdé😀f" });
  assert.deepEqual(spot([9, 10]), { span: { line: 2, column: 5, length: 1 }, text: "cdé😀f" });
  assert.deepEqual(spot([11, 12]), { span: { line: 3, column: 1, length: 1 }, text: "" });
});

test("behind the last word there is nothing to point at but its end", () => {
  const end = { span: { line: 2, column: 2, length: 1 }, text: "b  " };
  assert.deepEqual(spotter("a\nb  \n\n")([7, 8]), end);
  assert.deepEqual(spotter("a\nb  \n\n")([99, 99]), end);
  assert.deepEqual(spotter("")([0, 0]), { span: { line: 1, column: 1, length: 1 }, text: "" });
});
