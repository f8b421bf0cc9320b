import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { Failure, KernelError } from "#model/diagnostic";
import { linuxClock } from "#kernel/clock";
import { linuxFiles } from "#kernel/files";
import { linuxReader } from "#kernel/reader";
import { createState, openState, realState } from "#record/state";
import { tempDir } from "#test/fixtures";
import { Crash, FakeKernel } from "#test/fake-kernel";

const STATE = "/var/lib/envctl" as AbsPath;
const refused = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.equal(error.diagnostics[0]!.code, "bad_state_dir");
  assert.match(`${error.diagnostics[0]!.detail} | ${error.diagnostics[0]!.hint}`, text);
  return true;
};

test("made once, on the real kernel: 0700 throughout, a lineage, a README that warns", (t) => {
  const dir = join(tempDir(t), "a/b/state") as AbsPath;
  const ports = {
    reader: linuxReader({ uid: process.getuid!(), pid: process.pid }),
    files: linuxFiles(),
    clock: linuxClock(),
  };
  assert.equal(openState(ports.reader, dir), undefined);
  const made = createState(ports, dir);
  assert.match(made.lineage, /^[0-9a-f]{8}$/);
  assert.equal(made.dir, dir);
  assert.deepEqual(readdirSync(dir).sort(), ["README", "envs", "layers", "lineage", "locks"]);
  for (const name of ["", "envs", "layers", "locks"])
    assert.equal(lstatSync(join(dir, name)).mode & 0o7777, 0o700, name);
  assert.match(readFileSync(join(dir, "README"), "utf8"), /Do not delete/);
  assert.deepEqual(readdirSync(join(dir, "locks")), []);
  assert.deepEqual(createState(ports, dir), made);
  assert.deepEqual(openState(ports.reader, dir), made);
  symlinkSync(dir, join(dir, "../way"));
  assert.throws(
    () => openState(ports.reader, join(dir, "../way") as AbsPath),
    refused(/it is a symlink; name the directory itself/),
  );
  mkdirSync(join(dir, "../real"));
  symlinkSync("real", join(dir, "../link"));
  assert.equal(realState(ports.reader, join(dir, "../link/x/y") as AbsPath), join(dir, "../real/x/y"));
});

test("opening makes nothing, whatever is missing", () => {
  const k = new FakeKernel();
  assert.equal(openState(k.reader, STATE), undefined);
  k.disk.dir(STATE);
  assert.equal(openState(k.reader, STATE), undefined, "an empty directory is none yet");
  assert.deepEqual(k.calls, []);
});

test("an empty directory made by hand is taken and closed to others; one that holds other things is not", () => {
  const k = new FakeKernel();
  k.disk.dir(STATE, 0o777);
  createState(k, STATE);
  assert.equal(k.disk.node(STATE)!.mode, 0o700);
  k.disk.file("/home/me/notes");
  assert.throws(() => createState(k, "/home/me" as AbsPath), refused(/it holds other things: notes/));
  assert.deepEqual(k.disk.names("/home/me" as AbsPath), ["notes"]);
});

test("one that others may write, that is another user's, or that is no directory is not believed", () => {
  const k = new FakeKernel();
  createState(k, STATE);
  const node = k.disk.node(STATE)!;
  node.mode = 0o770;
  assert.throws(() => openState(k.reader, STATE), refused(/written by others \(mode 770\).*chmod 700/));
  node.mode = 0o755;
  const { lineage } = openState(k.reader, STATE)!;
  assert.equal(createState(k, STATE).lineage, lineage);
  assert.equal(node.mode, 0o700, "readable is mended");
  node.uid = 1000;
  assert.throws(() => createState(k, STATE), refused(/belongs to user 1000/));
  k.disk.file("/file");
  assert.throws(() => openState(k.reader, "/file" as AbsPath), refused(/it is a file/));
});

test("without its lineage nothing in it can be recognised; with a spoilt one neither", () => {
  const k = new FakeKernel();
  createState(k, STATE);
  k.disk.dir(`${STATE}/envs/web-0123abcd`);
  const lineage = k.disk.node(`${STATE}/lineage` as AbsPath)!;
  lineage.text = "zzz";
  assert.throws(() => openState(k.reader, STATE), refused(/eight hex digits/));
  k.disk.remove(`8:1 ${STATE}/lineage`);
  assert.throws(() => createState(k, STATE), refused(/its file lineage is gone.*mountinfo/));
});

test("killed anywhere while it is made, the next one completes it", () => {
  for (let n = 1, crashed = true; crashed; n++) {
    const k = new FakeKernel();
    k.disk.dir("/var");
    k.crashAt(n);
    crashed = false;
    try {
      createState(k, STATE);
    } catch (error) {
      assert.ok(error instanceof Crash);
      crashed = true;
    }
    k.revive();
    const made = createState(k, STATE);
    assert.deepEqual(openState(k.reader, STATE), made);
    assert.deepEqual([...k.disk.names(STATE)].sort(), ["README", "envs", "layers", "lineage", "locks"]);
    assert.ok(n < 30);
  }
});

test("F15 a full or read-only file system is told as it is", () => {
  const k = new FakeKernel();
  k.disk.dir("/var/lib");
  k.failOn("makeDir", "EROFS");
  assert.throws(
    () => createState(k, STATE),
    (error) => error instanceof KernelError && error.errno === "EROFS",
  );
  k.failOn("replaceFile", "ENOSPC");
  assert.throws(
    () => createState(k, STATE),
    (error) => error instanceof KernelError && error.errno === "ENOSPC",
  );
  assert.equal(openState(k.reader, STATE), undefined);
});

test("two that start at once agree on one lineage", () => {
  const k = new FakeKernel();
  k.disk.dir("/var/lib");
  let other: ReturnType<typeof createState> | undefined;
  // The other process runs to its end between our look and our lock.
  const files = {
    ...k.files,
    lock: (path: AbsPath) => {
      if (other === undefined) {
        other = {
          dir: STATE,
          lineage: createState({ reader: k.reader, files: k.files, clock: k.clock }, STATE).lineage,
        };
      }
      return k.files.lock(path);
    },
  };
  const mine = createState({ reader: k.reader, files, clock: k.clock }, STATE);
  assert.deepEqual(mine, other);
});
