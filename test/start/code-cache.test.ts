import { spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { Script } from "node:vm";
import { needs } from "#test/needs";
import { tempDir } from "#test/fixtures";
import { keepCode, openCode, type Build, type Loaded } from "../../src/code-cache.ts";

const BUILD: Build = { name: "code", digest: "one" };
const text = (name: string): string => `(function(){ return ${JSON.stringify(name)}; })`;

/** A part as it is after it ran; `rejected` is what V8 said of its bytecode, undefined where it was given none. */
function ran(name: string, rejected?: boolean): Loaded {
  const script = new Script(text(name));
  assert.equal((script.runInThisContext() as () => string)(), name);
  return { createCachedData: () => script.createCachedData(), cachedDataRejected: rejected };
}

/** Whether V8 takes the bytecode for this text, in a process that has not compiled it: one that has does not look. */
function accepts(name: string, code: Buffer | undefined): boolean {
  const program = `
    const { text, code } = JSON.parse(require("node:fs").readFileSync(0));
    process.exitCode = new (require("node:vm").Script)(text, { cachedData: Buffer.from(code, "base64") }).cachedDataRejected ? 1 : 0;`;
  const input = JSON.stringify({ text: text(name), code: code?.toString("base64") ?? "" });
  const { status, stderr } = spawnSync(process.execPath, ["-e", program], { input, encoding: "utf8" });
  assert.equal(stderr, "");
  return status === 0;
}

function state(t: TestContext): string {
  const dir = join(tempDir(t), "state");
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, "lineage"), "");
  return dir;
}

test("a state directory that is only being made stays as it is", (t) => {
  const dir = state(t);
  unlinkSync(join(dir, "lineage"));
  keepCode(dir, BUILD, "destroy", new Map([["a", ran("a")]]));
  assert.deepEqual(readdirSync(dir), []);
});

test("what one command compiled is accepted by the next, and each adds its own", (t) => {
  const dir = state(t);
  assert.equal(openCode(dir, BUILD), undefined);
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  keepCode(dir, BUILD, "run", new Map([["b", ran("b")]]));
  const code = openCode(dir, BUILD)!;
  assert.deepEqual(code.commands, ["apply", "run"]);
  for (const name of ["a", "b"]) assert.ok(accepts(name, code.of(name)), name);
  assert.equal(code.of("c"), undefined);
});

test("nothing is written where a command finds all it needs, and a new part is added", (t) => {
  const dir = state(t);
  const file = join(dir, "cache/code");
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  const before = readFileSync(file);
  const again = ran("a", false);
  keepCode(dir, BUILD, "apply", new Map([["a", again]]));
  assert.deepEqual(readFileSync(file), before);
  keepCode(
    dir,
    BUILD,
    "apply",
    new Map([
      ["a", again],
      ["b", ran("b")],
    ]),
  );
  assert.deepEqual(openCode(dir, BUILD)!.names, ["a", "b"]);
  assert.deepEqual(openCode(dir, BUILD)!.commands, ["apply"]);
});

test("another build finds nothing and starts anew", (t) => {
  const dir = state(t);
  const other = { ...BUILD, digest: "two" };
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  assert.equal(openCode(dir, other), undefined);
  keepCode(dir, other, "run", new Map([["b", ran("b")]]));
  assert.deepEqual(openCode(dir, other)!.names, ["b"]);
  assert.equal(openCode(dir, BUILD), undefined);
});

test("a file that was cut or holds something else is compiled anew, and mended", (t) => {
  const dir = state(t);
  const file = join(dir, "cache/code");
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  truncateSync(file, 4200);
  assert.equal(accepts("a", openCode(dir, BUILD)!.of("a")), false);
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a", true)]]));
  assert.ok(accepts("a", openCode(dir, BUILD)!.of("a")));
  truncateSync(file, 3);
  assert.equal(openCode(dir, BUILD), undefined);
});

test("F26 what others own, could write to or put a symlink for is not read", needs("root"), (t) => {
  const dir = state(t);
  const file = join(dir, "cache/code");
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  const refused = (why: string): void => assert.equal(openCode(dir, BUILD), undefined, why);
  for (const path of [dir, file]) {
    chownSync(path, 1000, 1000);
    refused(`${path} is another's`);
    chownSync(path, 0, 0);
    chmodSync(path, 0o720);
    refused(`${path} can be written to by a group`);
    chmodSync(path, 0o700);
  }
  assert.ok(openCode(dir, BUILD), "as it was, it is read");
  renameSync(file, join(dir, "moved"));
  symlinkSync("../moved", file);
  refused("the file is a symlink");
  renameSync(dir, `${dir}.moved`);
  symlinkSync(`${dir}.moved`, dir);
  refused("the state directory is a symlink");
});

test("what a killed writer left is taken away", (t) => {
  const dir = state(t);
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  writeFileSync(join(dir, "cache/code.4711"), "half");
  keepCode(dir, BUILD, "run", new Map([["a", ran("a")]]));
  assert.deepEqual(readdirSync(join(dir, "cache")), ["code"]);
});

test("no state directory is made for it", (t) => {
  const dir = join(state(t), "none");
  keepCode(dir, BUILD, "apply", new Map([["a", ran("a")]]));
  assert.equal(existsSync(dir), false);
});
