import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { join, type AbsPath } from "#model/brand";
import { linuxCgroups } from "#kernel/cgroups";
import { linuxClock } from "#kernel/clock";
import { mountTable, scratch } from "./fixture.ts";

const cgroups = linuxCgroups();

/** A cgroup hierarchy of this machine that takes a group of ours, and a name nobody else uses. */
function group(t: TestContext, file: string): AbsPath {
  const types = ["cgroup2", "cgroup"];
  const rows = mountTable().filter((row) => types.includes(row.type));
  // v2 first: a group of v1's cpuset takes no process before it has CPUs.
  const roots = rows
    .sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type))
    .map((row) => row.point as AbsPath);
  for (const root of roots) {
    const dir = join(root, `envctl-kernel-test-${process.pid}`);
    mkdirSync(dir);
    t.after(() => existsSync(dir) && rmdirSync(dir));
    if (existsSync(join(dir, file))) return dir;
    rmdirSync(dir);
  }
  return assert.fail(`no hierarchy here has ${file}`);
}

test("a group is made once, written, and removed", (t) => {
  const parent = group(t, "cgroup.procs");
  const dir = join(parent, "web");
  t.after(() => existsSync(dir) && rmdirSync(dir));
  assert.equal(cgroups.create(dir), true);
  assert.equal(cgroups.create(dir), false);
  assert.throws(() => cgroups.write(dir, "no.such.file", "1"), {
    name: "KernelError",
    errno: "ENOENT",
    hint: /controller is not enabled/,
  });
  assert.throws(() => cgroups.write(dir, "cgroup.procs", "word"), {
    name: "KernelError",
    errno: "EINVAL",
    call: /^write\(\d+<\/.*\/cgroup\.procs>, "word", 4\)$/,
  });
  cgroups.remove(dir, 0);
  assert.equal(existsSync(dir), false);
  cgroups.remove(dir, 0);
});

test("a value is written in one piece, and an empty one reaches the kernel too", (t) => {
  const dir = group(t, "cgroup.procs");
  const [file, value] = existsSync(`${dir}/cgroup.max.depth`)
    ? ["cgroup.max.depth", "3"]
    : ["notify_on_release", "1"];
  cgroups.write(dir, file, value);
  assert.equal(readFileSync(`${dir}/${file}`, "utf8"), `${value}\n`);
  assert.throws(() => cgroups.write(dir, file, ""), { name: "KernelError", errno: "EINVAL" });
});

test("where no cgroup file system is mounted nothing is made, and the message says so", (t) => {
  const dir = scratch(t);
  mkdirSync(`${dir}/memory`);
  const refused = {
    name: "KernelError",
    errno: "ENODEV",
    hint: `no cgroup file system is mounted at ${dir}/memory: the controller is not available there`,
  };
  assert.throws(() => cgroups.create(join(dir, "memory/web")), refused);
  assert.throws(() => cgroups.write(join(dir, "memory"), "memory.max", "1"), refused);
  mkdirSync(`${dir}/memory/kept`);
  assert.throws(() => cgroups.remove(join(dir, "memory/kept"), 0), refused);
  assert.deepEqual(readdirSync(`${dir}/memory`), ["kept"]);
});

test("a group is removed once its last process is gone, and a busy one says so in time", async (t) => {
  const dir = group(t, "cgroup.procs");
  const child = spawn("sleep", ["60"]);
  t.after(() => child.kill("SIGKILL"));
  cgroups.write(dir, "cgroup.procs", String(child.pid));
  const start = performance.now();
  assert.throws(() => cgroups.remove(dir, 60), { name: "KernelError", errno: "EBUSY" });
  assert.ok(performance.now() - start < 2000);
  const ended = once(child, "exit");
  cgroups.kill(child.pid!);
  cgroups.remove(dir, 5000);
  assert.equal(existsSync(dir), false);
  assert.deepEqual((await ended)[1], "SIGKILL");
  cgroups.kill(0x3fffffff);
});

test("kill takes one process and never a group, all, or the first", () => {
  for (const pid of [0, -1, 1, 1.5, NaN]) assert.throws(() => cgroups.kill(pid), RangeError);
});

test("the clock counts seconds and milliseconds, and pauses without the event loop", () => {
  const clock = linuxClock();
  assert.ok(Number.isInteger(clock.now()) && Math.abs(clock.now() - Date.now() / 1000) < 2);
  const start = clock.monotonic();
  clock.pause(20);
  assert.ok(clock.monotonic() - start >= 19);
});
