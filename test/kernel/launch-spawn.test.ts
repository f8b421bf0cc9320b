import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import { spawn } from "#kernel/launch-spawn";

test("what cannot be handed to a program is refused, and no descriptor stays open", () => {
  const open = (): number => readdirSync("/proc/self/fd").length;
  const before = open();
  assert.throws(() => spawn(["/bin/true"], [], [0, 1, 123_456]), { name: "KernelError", errno: "EBADF" });
  assert.throws(() => spawn(["/nowhere"], [], [0, 1]), { name: "KernelError", errno: "ENOENT" });
  assert.throws(() => spawn(["/bin/true"], [], [], 123_456), { name: "KernelError", errno: "ENOENT" });
  assert.equal(open(), before);
});
