import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { linuxReader } from "#kernel/reader";
import { join, type AbsPath } from "#model/brand";
import type { Reader } from "#ports/reader";
import { stamped } from "#resolve/stamp";
import { tempDir } from "#test/fixtures";

test("a file is read once, however many environments have it, and again once it was written to", (t) => {
  const file = join(tempDir(t) as AbsPath, "base.tar");
  let reads = 0;
  const real = linuxReader({ uid: 0, pid: process.pid });
  const reader: Reader = { ...real, digest: (path) => (reads++, real.digest(path)) };
  const digest = (): string | undefined => stamped(reader, file, () => undefined)?.sha256;
  writeFileSync(file, "one");
  assert.equal(digest(), real.sha256("one"));
  assert.equal(digest(), real.sha256("one"));
  assert.equal(reads, 1);
  appendFileSync(file, "two");
  assert.equal(digest(), real.sha256("onetwo"));
  assert.equal(reads, 2);
  // A file that is written to meanwhile keeps no digest that was found of neither.
  const writing: Reader = { ...real, digest: (path) => (appendFileSync(file, "x"), real.digest(path)) };
  assert.equal(
    stamped(writing, file, () => undefined),
    undefined,
  );
});
