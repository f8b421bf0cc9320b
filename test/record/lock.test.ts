import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { AbsPath, EnvId } from "#model/brand";
import { Failure } from "#model/diagnostic";
import { linuxClock } from "#kernel/clock";
import { linuxFiles } from "#kernel/files";
import { linuxReader } from "#kernel/reader";
import { acquire, claimInstance, release, tryAcquire, type Waiting } from "#record/lock";
import { FakeKernel } from "#test/fake-kernel";
import { tempDir } from "#test/fixtures";
import { needs } from "#test/needs";

const ID = "web-0123abcd" as EnvId;
const STATE = "/state" as AbsPath;
const PATH = `${STATE}/locks/${ID}`;

function host(k: FakeKernel, more: Partial<Waiting> = {}): Waiting {
  k.disk.dir(`${STATE}/locks`);
  k.disk.dir(`${STATE}/envs`);
  return {
    reader: k.reader,
    files: k.files,
    clock: k.clock,
    lockTimeoutMs: 100,
    command: "apply web",
    interrupted: () => false,
    breathe: async () => undefined,
    ...more,
  };
}

const inUse = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.equal(error.exit, 4);
  assert.match(error.message, text);
  return true;
};

test("held, signed, released; the file goes with an environment that is gone", async () => {
  const k = new FakeKernel();
  const lock = await acquire(host(k), STATE, ID);
  assert.match(k.reader.text(PATH as AbsPath), /"command":"apply web"/);
  k.disk.dir(`${STATE}/envs/${ID}`);
  release(k, STATE, ID, lock);
  assert.equal(k.handles.locks.size, 0);
  assert.notEqual(
    k.disk.node(PATH as AbsPath),
    undefined,
    "the environment is there, and so is its lock file",
  );
  k.disk.remove(`8:1 ${STATE}/envs/${ID}`);
  release(k, STATE, ID, await acquire(host(k), STATE, ID));
  assert.equal(k.disk.node(PATH as AbsPath), undefined);
});

test("in use: who, what, since when; a stale signature is not held against anybody", async () => {
  const k = new FakeKernel();
  const h = host(k);
  k.disk.file(PATH, JSON.stringify({ pid: 77, command: "destroy web -y", since: 1_700_000_000 }));
  k.handles.locks.set(PATH as AbsPath, 77);
  await assert.rejects(
    acquire(h, STATE, ID),
    inUse(
      /^web-0123abcd is in use by another envctl \(pid 77, destroy web -y, since 2023-11-1[45] \d\d:\d\d:\d\d\)$/,
    ),
  );
  k.handles.locks.set(PATH as AbsPath, 78);
  await assert.rejects(acquire(h, STATE, ID), inUse(/another envctl \(pid 78\)$/));
  for (const text of ["", "{", "null", '{"pid":"x"}']) {
    k.disk.file(PATH, text);
    await assert.rejects(acquire(h, STATE, ID), inUse(/another envctl \(pid 78\)$/));
  }
});

test("waits as long as asked, lets signals in, and stops when interrupted", async () => {
  const k = new FakeKernel();
  let breaths = 0;
  const waiting = host(k, {
    breathe: async () => {
      if (++breaths === 3) k.handles.locks.clear();
    },
  });
  k.handles.locks.set(PATH as AbsPath, 77);
  await acquire(waiting, STATE, ID);
  assert.equal(breaths, 3);
  // Whoever sweeps takes it for a moment, which is no use of the environment.
  breaths = 2;
  k.handles.locks.set(PATH as AbsPath, 77);
  await acquire({ ...waiting, lockTimeoutMs: 0 }, STATE, ID);
  k.handles.locks.set(PATH as AbsPath, 77);
  const stopped = host(k, { interrupted: () => true, lockTimeoutMs: 1e9 });
  await assert.rejects(
    acquire(stopped, STATE, ID),
    (error) => error instanceof Failure && error.diagnostics[0]!.code === "interrupted",
  );
  await assert.rejects(acquire(host(k, { lockTimeoutMs: 0 }), STATE, ID), inUse(/in use/));
});

test("F15 a full disk does not keep one from taking a lock: destroying is what frees it", async () => {
  const k = new FakeKernel();
  const h = host(k);
  k.failOn("writeFile", "ENOSPC");
  release(k, STATE, ID, await acquire(h, STATE, ID));
});

test("instances: the first number that is neither locked nor left behind", () => {
  const k = new FakeKernel();
  const h = host(k);
  k.disk.dir(`${STATE}/envs/${ID}.r1`); // left by one that was killed
  k.handles.locks.set(`${STATE}/locks/${ID}.r2` as AbsPath, 99);
  const { id, lock } = claimInstance(h, STATE, ID);
  assert.equal(id, `${ID}.r3`);
  assert.equal(tryAcquire(h, STATE, id), undefined);
  release(k, STATE, id, lock);
  assert.notEqual(tryAcquire(h, STATE, `${ID}.r1` as EnvId), undefined, "free: its owner is dead");
});

test("an instance that came and went between look and lock is left to be swept", () => {
  const k = new FakeKernel();
  const h = host(k);
  const files = {
    ...k.files,
    lock: (path: AbsPath) => {
      if (path.endsWith(".r1")) k.disk.dir(`${STATE}/envs/${ID}.r1`);
      return k.files.lock(path);
    },
  };
  assert.equal(claimInstance({ ...h, files }, STATE, ID).id, `${ID}.r2`);
  assert.equal(k.handles.locks.has(`${STATE}/locks/${ID}.r1` as AbsPath), false);
});

test(
  "F8 between processes: the kernel says who holds it, and lets go when they are killed",
  needs("program:flock"),
  async (t) => {
    const state = tempDir(t) as AbsPath;
    mkdirSync(join(state, "locks"));
    const path = join(state, "locks", ID);
    const ports = {
      reader: linuxReader({ uid: process.getuid!(), pid: process.pid }),
      files: linuxFiles(),
      clock: linuxClock(),
    };
    const h: Waiting = {
      ...ports,
      lockTimeoutMs: 30,
      command: "apply web",
      interrupted: () => false,
      breathe: () => new Promise((resolve) => setImmediate(resolve)),
    };
    const other = spawn("flock", ["-x", "-F", path, "sh", "-c", "echo held; read line"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    t.after(() => void other.kill("SIGKILL"));
    await once(other.stdout, "data");
    await assert.rejects(acquire(h, state, ID), inUse(new RegExp(`\\(pid ${other.pid}\\)$`)));
    assert.equal(tryAcquire(h, state, ID), undefined);
    const ended = once(other, "exit");
    other.kill("SIGKILL");
    await ended;
    const lock = await acquire({ ...h, lockTimeoutMs: 2000 }, state, ID);
    release(ports, state, ID, lock);
    assert.equal(existsSync(path), false);
  },
);
