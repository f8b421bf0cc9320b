import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { Failure } from "#model/diagnostic";
import { idMap, showAs } from "#kernel/idmap";
import { cloneTree } from "#kernel/inner";
import { withFd } from "#kernel/syscalls-file";
import { needs } from "#test/needs";

/** How many ids a map speaks of. */
const mapped = (map: string): bigint =>
  map.split("\n").reduce((sum, line) => sum + BigInt(line.split(" ")[2]!), 0n);

test("an id map shows one id as another and leaves all the rest as they are, up to the last", () => {
  assert.equal(idMap(1000, 0), "1000 0 1\n1 1 999\n1001 1001 4294966294");
  assert.equal(idMap(0, 1000), "0 1000 1\n1 1 999\n1001 1001 4294966294");
  assert.equal(idMap(1000, 1001), "1000 1001 1\n0 0 1000\n1002 1002 4294966293");
  assert.equal(idMap(0, 4294967294), "0 4294967294 1\n1 1 4294967293");
  // Of 2^32-1 ids two became one.
  assert.equal(mapped(idMap(1000, 0)), 2n ** 32n - 2n);
});

test("a file system that cannot show other owners is told of in a sentence", needs("root", "mounts"), () => {
  const refused = (error: unknown): boolean =>
    error instanceof Failure && /no id-mapped mounts here/.test(error.message);
  withFd(cloneTree("/proc" as AbsPath, false), (tree) =>
    assert.throws(() => showAs(tree, { uid: 1000, gid: 1000, as: { uid: 0, gid: 0 } }), refused),
  );
});
