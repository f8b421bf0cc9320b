import assert from "node:assert/strict";
import test from "node:test";
import { distance, nearest } from "#model/nearest";

test("insertion, deletion, change and swap cost one each", () => {
  assert.deepEqual(
    [
      ["lower", "lowers"],
      ["rootfss", "rootfs"],
      ["mamory", "memory"],
      ["memroy", "memory"],
      ["", "abc"],
      ["same", "same"],
    ].map(([a, b]) => distance(a!, b!)),
    [1, 1, 1, 1, 3, 0],
  );
});

test("the nearest word, where one is near", () => {
  const keys = ["memory", "swap", "cpus", "cpuset", "pids"];
  assert.equal(nearest("memry", keys), "memory");
  assert.equal(nearest("MEMORY", keys), "memory");
  assert.equal(nearest("cpusett", keys), "cpuset");
  assert.equal(nearest("cpu", keys), "cpus");
  assert.equal(nearest("zebra", keys), undefined);
  assert.equal(nearest("ab", ["xy"]), undefined);
  assert.equal(nearest("x", []), undefined);
});
