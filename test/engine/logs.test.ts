import assert from "node:assert/strict";
import test from "node:test";
import type { DetachedRun } from "#model/detached";
import { KernelError } from "#model/diagnostic";
import { readLogs, type Stream } from "#engine/logs";
import type { ReadHost } from "#engine/host";

/** A run whose supervisor is there for some looks; before each look `write` may add to its output. */
function logs(
  first: { stdout: string; stderr?: string },
  options: { readonly tail?: number; readonly follow?: boolean; readonly most?: number } = {},
  write: (look: number, files: Record<string, string>) => boolean = () => false,
): string {
  const files: Record<string, string> = { "/out": first.stdout, "/err": first.stderr ?? "" };
  let look = 0;
  const host = {
    reader: {
      stat: (path: string) =>
        files[path] === undefined ? undefined : { size: Buffer.byteLength(files[path]) },
      part: (path: string, offset: number, length: number) =>
        Buffer.from(files[path]!).subarray(offset, offset + length),
      textAny: (path: string) =>
        path === "/proc/5/stat" && write(look++, files) ? `5 (sh) ${"0 ".repeat(19)}900 ` : undefined,
      text: () => "boot",
    },
    clock: { pause: () => undefined },
  } as unknown as ReadHost;
  const run = {
    record: { boot: "boot", supervisor: { pid: 5, start: "900" } },
    files: { stdout: "/out", stderr: "/err", status: "/status", signal: "/signal" },
    state: "running",
  } as unknown as DetachedRun;
  const taken: string[] = [];
  const { most = Infinity, tail, follow = false } = options;
  readLogs(host, run, { follow, ...(tail === undefined ? {} : { tail }) }, (stream: Stream, bytes) => {
    taken.push(`${stream} ${Buffer.from(bytes).toString()}`);
    return taken.length < most;
  });
  return taken.join("|");
}

test("standard output comes first, then standard error; what is empty is not handed out", () => {
  assert.equal(logs({ stdout: "a\nb\n", stderr: "e\n" }), "stdout a\nb\n|stderr e\n");
  assert.equal(logs({ stdout: "" }), "");
});

test("the last lines of each, an unfinished one too", () => {
  const last = (text: string, tail: number): string => logs({ stdout: text }, { tail });
  assert.equal(last("a\nb\nc\n", 2), "stdout b\nc\n");
  assert.equal(last("a\nb\nc", 2), "stdout b\nc");
  assert.equal(last("a\nb\n", 9), "stdout a\nb\n");
  assert.equal(last("a\n\n\n", 2), "stdout \n\n");
  assert.equal(last("a\nb\n", 0), "");
  const long = "x".repeat(200_000);
  assert.equal(last(`first\n${long}\n`, 1).replaceAll("|stdout ", ""), `stdout ${long}\n`);
});

test("followed, it goes on until the supervisor is gone, and hands out what came last", () => {
  const said = logs({ stdout: "a\n" }, { follow: true }, (look, files) => {
    if (look === 1) files["/err"] += "e\n";
    if (look === 2) files["/out"] += "last\n";
    return look < 2;
  });
  assert.equal(said, "stdout a\n|stderr e\n|stdout last\n");
});

test("followed, it ends where nobody listens any more, or where the run was removed", () => {
  assert.equal(
    logs({ stdout: "a\n", stderr: "e\n" }, { follow: true, most: 1 }, () => true),
    "stdout a\n",
  );
  const gone = logs({ stdout: "a\n" }, { follow: true }, (look, files) => {
    if (look === 1) for (const path of Object.keys(files)) delete files[path];
    return look < 2;
  });
  assert.equal(gone, "stdout a\n");
});

test("an output that is removed between the look at its size and the reading of it ends there", () => {
  const files: Record<string, string> = { "/out": "a\nb\n", "/err": "" };
  const removing = {
    stat: (path: string) => (files[path] === undefined ? undefined : { size: files[path].length }),
    part: () => {
      for (const path of Object.keys(files)) delete files[path];
      throw new KernelError('open("/out")', "ENOENT");
    },
    textAny: () => undefined,
  };
  const run = {
    record: { supervisor: { pid: 5, start: "900" } },
    files: { dir: "/", stdout: "/out", stderr: "/err" },
  } as unknown as DetachedRun;
  for (const tail of [{}, { tail: 1 }]) {
    Object.assign(files, { "/": "", "/out": "a\nb\n", "/err": "" });
    const host = { reader: removing } as unknown as ReadHost;
    const end = readLogs(host, run, { follow: false, ...tail }, () => assert.fail("nothing is left to read"));
    assert.equal(end, undefined, "it stands no more");
  }
});
