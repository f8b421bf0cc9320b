import assert from "node:assert/strict";
import test from "node:test";
import { Failure } from "#model/diagnostic";
import { prepare } from "#launch/prepare";
import { fakeRoot, launchSpec, ROOT } from "./fixture.ts";

const program = { type: "file", mode: 0o755 } as const;
const nodes = {
  "/": { type: "dir" },
  "/tmp": { type: "dir" },
  "/bin/run": program,
  "/etc/passwd": { type: "file", text: "root:x:0:0::/root:\nana:x:1000:1000::/home/ana:\n" },
  "/etc/group": { type: "file", text: "video:x:44:ana\n" },
} as const;
const withEnv = { ...nodes, "/usr/bin/env": program };

const failure = (run: () => unknown): readonly unknown[] => {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Failure);
    return [error.exit, error.diagnostics[0]?.code, error.diagnostics[0]?.summary];
  }
  return [];
};

test("user, program and HOME come from the root", () => {
  const ready = prepare(fakeRoot(nodes), launchSpec({ user: "ana", command: ["run", "a b"] }), ROOT);
  assert.deepEqual(ready, {
    user: { uid: 1000, gid: 1000, groups: [44], home: "/home/ana", name: "ana" },
    argv: ["run", "a b"],
    program: "/bin/run",
    env: { HOME: "/home/ana", PATH: "/usr/bin:/bin" },
  });
});

test("a HOME that is declared stays", () => {
  assert.equal(
    prepare(fakeRoot(nodes), launchSpec({ env: { PATH: "/bin", HOME: "/elsewhere" } }), ROOT).env["HOME"],
    "/elsewhere",
  );
});

test("names no shell can export are set by the root's own env", () => {
  const env = { PATH: "/usr/bin:/bin", "A.B": "1 2", UID: "5", GOOD: "x" };
  const { argv, program: path, env: plain } = prepare(fakeRoot(withEnv), launchSpec({ env }), ROOT);
  assert.deepEqual(argv, ["/usr/bin/env", "A.B=1 2", "UID=5", "/bin/run"]);
  assert.equal(path, "/usr/bin/env");
  assert.deepEqual(plain, { HOME: "/root", PATH: "/usr/bin:/bin", GOOD: "x" });
});

test("without env, and for a command that env would take for a variable, they are refused", () => {
  const env = { PATH: "/usr/bin:/bin", "A.B": "1" };
  const refused = [125, "refused", 'cannot set "A.B" in entry.env'];
  assert.deepEqual(
    failure(() => prepare(fakeRoot(nodes), launchSpec({ env }), ROOT)),
    refused,
  );
  const odd = { ...withEnv, "/bin/a=b": program };
  assert.deepEqual(
    failure(() => prepare(fakeRoot(odd), launchSpec({ env, command: ["a=b"] }), ROOT)),
    refused,
  );
});

test("a working directory that is missing or none is refused", () => {
  const at = (workdir: string): readonly unknown[] =>
    failure(() => prepare(fakeRoot(nodes), launchSpec({ workdir }), ROOT));
  assert.deepEqual(at("/work"), [125, "not_directory", "the working directory /work does not exist inside"]);
  assert.deepEqual(at("/bin/run"), [
    125,
    "not_directory",
    "the working directory /bin/run is no directory inside",
  ]);
  assert.deepEqual(at("/tmp"), []);
});

test("a command is looked for in the entry's own PATH", () => {
  assert.deepEqual(
    failure(() => prepare(fakeRoot(nodes), launchSpec({ env: { PATH: "/opt" } }), ROOT)),
    [127, "no_command", 'command not found: "run"'],
  );
  assert.deepEqual(
    failure(() => prepare(fakeRoot(nodes), launchSpec({ command: [] }), ROOT)),
    [127, "no_command", "the command is empty"],
  );
});
