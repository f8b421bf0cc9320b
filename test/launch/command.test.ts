import assert from "node:assert/strict";
import test from "node:test";
import { Failure } from "#model/diagnostic";
import { findCommand, findInPath, type Lookup } from "#launch/command";
import { fakeRoot, ROOT } from "./fixture.ts";

const program = { type: "file", mode: 0o755 } as const;
const reader = fakeRoot({
  "/": { type: "dir" },
  "/bin": { type: "dir" },
  "/bin/sh": program,
  "/bin/plain": { type: "file" },
  "/bin/hidden": { type: "file" },
  "/usr/bin/sh": program,
  "/usr/bin/hidden": program,
  "/bin/dir": { type: "dir" },
  "/bin/pipe": { type: "fifo", mode: 0o777 },
  "/work/build.sh": { type: "file", mode: 0o700 },
});
const at = (more: Partial<Lookup> = {}): Lookup => ({
  reader,
  root: ROOT,
  workdir: "/work",
  path: "/nowhere:/bin:/usr/bin",
  ...more,
});

const refusal = (name: string, lookup = at()): readonly unknown[] => {
  try {
    return [findCommand(lookup, name)];
  } catch (error) {
    assert.ok(error instanceof Failure);
    return [error.exit, error.diagnostics[0]?.code, error.diagnostics[0]?.summary];
  }
};

test("a bare name is the first program along PATH", () => {
  assert.equal(findCommand(at(), "sh"), "/bin/sh");
  assert.equal(findCommand(at({ path: "/usr/bin:/bin" }), "sh"), "/usr/bin/sh");
  assert.equal(findCommand(at(), "hidden"), "/usr/bin/hidden", "what cannot be executed hides nothing");
});

test("an empty element of PATH and a relative one mean the working directory", () => {
  assert.equal(findCommand(at({ path: ":/bin" }), "build.sh"), "/work/build.sh");
  assert.equal(findCommand(at({ path: "/bin:../work" }), "build.sh"), "/work/../work/build.sh");
  assert.deepEqual(refusal("build.sh").slice(0, 2), [127, "no_command"]);
});

test("a name with a slash is itself, from the working directory", () => {
  assert.equal(findCommand(at(), "/bin/sh"), "/bin/sh");
  assert.equal(findCommand(at(), "./build.sh"), "./build.sh");
  assert.equal(findCommand(at(), "../bin/sh"), "../bin/sh");
  assert.deepEqual(refusal("./sh"), [127, "no_command", 'command not found: "./sh"']);
});

test("what is missing is 127", () => {
  assert.deepEqual(refusal("nope"), [127, "no_command", 'command not found: "nope"']);
  assert.deepEqual(refusal("/nope"), [127, "no_command", 'command not found: "/nope"']);
  assert.deepEqual(refusal(""), [127, "no_command", "the command is empty"]);
});

test("what is no program is 126", () => {
  assert.deepEqual(refusal("plain"), [
    126,
    "no_command",
    'cannot execute "plain": /bin/plain is not an executable file',
  ]);
  assert.deepEqual(refusal("/bin/plain"), [
    126,
    "no_command",
    'cannot execute "/bin/plain": /bin/plain is not an executable file',
  ]);
  assert.deepEqual(refusal("/bin"), [126, "no_command", 'cannot execute "/bin": /bin is a directory']);
  assert.deepEqual(refusal("dir"), [126, "no_command", 'cannot execute "dir": /bin/dir is a directory']);
  assert.deepEqual(refusal("/bin/pipe").slice(0, 1), [126]);
});

test("a program that merely may be there is looked for without a failure", () => {
  assert.equal(findInPath(at(), "sh"), "/bin/sh");
  assert.equal(findInPath(at(), "plain"), undefined);
  assert.equal(findInPath(at(), "nope"), undefined);
});
