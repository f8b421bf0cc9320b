import assert from "node:assert/strict";
import test from "node:test";
import { formatDuration, parseDuration } from "#model/duration";

test("numbers with units, one after another", () => {
  assert.deepEqual(
    ["500ms", "30s", "1.5m", "1h30m", "0s", "1m0.5s"].map(parseDuration),
    [500, 30_000, 90_000, 5_400_000, 0, 60_500],
  );
});

test("everything else is none, and so is what timers cannot take", () => {
  for (const text of ["", "30", "s", "-1s", "1 s", "1d", "1e3s", "1s ", "1.s", "25d", "600h", "NaNs"])
    assert.equal(parseDuration(text), undefined, text);
  assert.equal(parseDuration("596h"), 2_145_600_000);
});

test("what is formatted reads back as it was", () => {
  assert.deepEqual([1, 999, 1000, 1500, 30_000, 90_000].map(formatDuration), [
    "1ms",
    "999ms",
    "1s",
    "1.5s",
    "30s",
    "90s",
  ]);
  for (const ms of [1, 250, 1001, 2_145_600_000]) assert.equal(parseDuration(formatDuration(ms)), ms);
});
