import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { lstatSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { join, type AbsPath } from "#model/brand";
import { linuxFiles } from "#kernel/files";
import { scratch } from "./fixture.ts";

const files = linuxFiles();

function take(path: AbsPath): ReturnType<typeof files.lock> & { kind: "held" } {
  const attempt = files.lock(path);
  assert.equal(attempt.kind, "held");
  return attempt as ReturnType<typeof take>;
}

/** Who holds a lock that is taken. */
function holder(path: AbsPath): number | undefined {
  const attempt = files.lock(path);
  assert.ok(attempt.kind === "taken");
  return attempt.holder();
}

/** Another process that holds the lock, once it said so; ended with the test. */
async function other(t: TestContext, path: AbsPath): Promise<ChildProcess> {
  const script = `
    import { linuxFiles } from "#kernel/files";
    const attempt = linuxFiles().lock(${JSON.stringify(path)});
    console.log(attempt.kind);
    setInterval(() => attempt, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [said] = (await once(child.stdout!, "data")) as [Buffer];
  assert.equal(said.toString(), "held\n");
  return child;
}

test("one holds the lock, everybody else learns who; the kernel releases it with the process", async (t) => {
  const path = join(scratch(t), "lock");
  const child = await other(t, path);
  assert.equal(holder(path), child.pid);
  child.kill("SIGKILL");
  await once(child, "exit");
  take(path).lock.release();
  assert.equal(lstatSync(path).mode & 0o7777, 0o600);
});

test("release is idempotent, and a second lock in this process waits its turn too", (t) => {
  const path = join(scratch(t), "lock");
  const before = readdirSync("/proc/self/fd").length;
  const { lock } = take(path);
  assert.equal(holder(path), process.pid);
  lock.release();
  const second = take(path);
  lock.release();
  assert.equal(holder(path), process.pid, "the first release did not free the second lock");
  second.lock.release();
  assert.equal(readdirSync("/proc/self/fd").length, before);
});

test("a removed lock file is gone, and a file that took its place stays", (t) => {
  const dir = scratch(t);
  const path = join(dir, "lock");
  const first = take(path);
  files.unlockAndRemove(path, first.lock);
  assert.deepEqual(readdirSync(dir), []);
  const second = take(path);
  renameSync(path, `${dir}/moved`);
  writeFileSync(path, "another");
  files.unlockAndRemove(path, second.lock);
  assert.deepEqual(readdirSync(dir).sort(), ["lock", "moved"]);
  rmSync(path);
  symlinkSync("moved", path);
  assert.throws(() => files.lock(path), { name: "KernelError", errno: "ELOOP" });
});

test("two that take and remove the lock all the time never hold it together", async (t) => {
  const dir = scratch(t);
  const script = `
    import { mkdirSync, rmdirSync } from "node:fs";
    import { linuxFiles } from "#kernel/files";
    const files = linuxFiles();
    for (let turns = 0; turns < 500; ) {
      const attempt = files.lock("${dir}/lock");
      if (attempt.kind !== "held") continue;
      mkdirSync("${dir}/mine");
      rmdirSync("${dir}/mine");
      files.unlockAndRemove("${dir}/lock", attempt.lock);
      turns++;
    }
  `;
  const started = [1, 2].map(() =>
    spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "ignore", "pipe"],
    }),
  );
  t.after(() => started.forEach((child) => child.kill("SIGKILL")));
  const said = await Promise.all(
    started.map(async (child) => {
      const errors = child.stderr.toArray();
      const [code] = (await once(child, "exit")) as [number];
      return code === 0 ? "" : Buffer.concat(await errors).toString();
    }),
  );
  assert.deepEqual(said, ["", ""]);
});
