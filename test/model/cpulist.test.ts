import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatCpuList, parseCpuList } from "#model/cpulist";

test("lists as the kernel reads them", () => {
  assert.deepEqual(parseCpuList("0"), [0]);
  assert.deepEqual(parseCpuList("0-2,7"), [0, 1, 2, 7]);
  assert.deepEqual(parseCpuList("7, 2-1 "), undefined);
  assert.deepEqual(parseCpuList(" 7 , 0 - 2\n"), [0, 1, 2, 7]);
  assert.deepEqual(parseCpuList("3,1,3,1-2"), [1, 2, 3]);
});

test("everything else is none", () => {
  for (const text of [
    "",
    ",",
    "0,",
    ",0",
    "0,,1",
    "a",
    "-1",
    "1-",
    "1-2-3",
    "0x1",
    "1.5",
    "8192",
    "0-99999",
    "1e3",
    "0;1",
  ]) {
    assert.equal(parseCpuList(text), undefined, text);
  }
});

test("printed in the kernel's own form, and read back the same", () => {
  assert.equal(formatCpuList([]), "");
  assert.equal(formatCpuList([0, 1, 2, 7]), "0-2,7");
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 300 }), { minLength: 1 }), (cpus) => {
      const sorted = cpus.toSorted((a, b) => a - b);
      assert.deepEqual(parseCpuList(formatCpuList(sorted)), sorted);
    }),
  );
});
