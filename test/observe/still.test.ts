import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { stillProcesses } from "#observe/still";
import type { Reader } from "#ports/reader";

/** A reader whose every answer differs from the one before. */
function moving(): Reader {
  let count = 0;
  const next = (): string => String(++count);
  return { readlink: next, textAny: next, listAny: () => [next()] } as unknown as Reader;
}

const cwd = "/proc/7/cwd" as AbsPath;

test("processes answer as they did first, each question by itself", () => {
  const still = stillProcesses(moving());
  const first = still.readlink(cwd);
  assert.equal(still.readlink(cwd), first);
  assert.notEqual(still.readlink("/proc/8/cwd" as AbsPath), first);
  assert.notEqual(still.textAny(cwd), first, "another question of the same path");
});

test("what was not there stays so, and is not asked for again", () => {
  let asked = 0;
  const still = stillProcesses({ readlink: () => void asked++ } as unknown as Reader);
  assert.deepEqual([still.readlink(cwd), still.readlink(cwd), asked], [undefined, undefined, 1]);
});

test("all but processes is read anew", () => {
  const still = stillProcesses(moving());
  const file = "/etc/hostname" as AbsPath;
  assert.notEqual(still.textAny(file), still.textAny(file));
});
