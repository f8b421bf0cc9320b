import assert from "node:assert/strict";
import test from "node:test";
import { absolute, baseName, isWithin, join, parentOf, type AbsPath } from "#model/brand";

const at = (path: string): AbsPath => path as AbsPath;

test("paths are joined and normalised, and .. never climbs above the root", () => {
  assert.equal(join(at("/a"), "b", "../c//./d/"), "/a/c/d");
  assert.equal(join(at("/a"), "../../../x"), "/x");
  assert.equal(join(at("/")), "/");
  assert.equal(absolute(at("/repo/envs"), "../src"), "/repo/src");
  assert.equal(absolute(at("/repo/envs"), "/srv/../data/"), "/data");
  assert.equal(parentOf(at("/a/b")), "/a");
  assert.equal(parentOf(at("/")), "/");
  assert.deepEqual(["/a/b", "/", "b"].map(baseName), ["b", "", "b"]);
});

test("within goes by components", () => {
  assert.ok(isWithin("/a", "/a"));
  assert.ok(isWithin("/a", "/a/b"));
  assert.ok(!isWithin("/a", "/ab"));
  assert.ok(!isWithin("/a/b", "/a"));
  assert.ok(isWithin("/", "/x"));
});
