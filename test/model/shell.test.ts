import assert from "node:assert/strict";
import test from "node:test";
import { shell } from "#model/shell";

test("commands are shown as one could type them", () => {
  assert.equal(shell(["sh", "-c", "echo 'a b'", "", "x=$y"]), `sh -c 'echo '\\''a b'\\''' '' 'x=$y'`);
  assert.equal(shell(["umount", "/a/b\nc"]), "umount '/a/b\nc'");
});
