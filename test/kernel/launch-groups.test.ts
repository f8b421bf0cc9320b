import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import test from "node:test";
import { setTimeout } from "node:timers/promises";
import { join, type AbsPath } from "#model/brand";
import { find } from "#kernel/launch-helpers";
import { startIn } from "#kernel/launch-groups";
import { spawn as start } from "#kernel/launch-spawn";
import { readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";

test(
  "on v2 a command is in its group right after it was started, however quiet it was before",
  needs("root"),
  async (t) => {
    const { point } = readMounts().find(({ type }) => type === "cgroup2")!;
    const dir = join(point as AbsPath, `envctl-groups-${process.pid}`);
    const started: ChildProcess[] = [];
    const begin = (): number => {
      started.push(spawn("sleep", ["1000000"], { stdio: "ignore" }));
      return started.at(-1)!.pid!;
    };
    t.after(async () => {
      const gone = started.map((child) => once(child, "exit"));
      for (const child of started) child.kill("SIGKILL");
      await Promise.all(gone);
      rmdirSync(dir);
    });
    mkdirSync(dir);
    const beside = begin();
    const waited: number[] = [];
    for (let i = 0; i < 6; i++) {
      // Longer than a grace period: a move would wait for the next.
      await setTimeout(300);
      let since = 0;
      const pid = startIn([{ dir, version: 2, controllers: [] }], beside, () => {
        const own = begin();
        since = performance.now();
        return own;
      });
      waited.push(performance.now() - since);
      assert.ok(readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n").includes(`${pid}`));
    }
    // Some wait for others who want the processor, too; a move waits every time.
    assert.ok(Math.min(...waited) < 4, waited.map((ms) => ms.toFixed(1)).join(", "));
  },
);

test("a command whose group goes before it is in it does not go on without", needs("root"), (t) => {
  const { point } = readMounts().find(({ type }) => type === "cgroup2")!;
  const dir = join(point as AbsPath, `envctl-gone-${process.pid}`);
  const beside = spawn("sleep", ["1000000"], { stdio: "ignore" });
  t.after(() => beside.kill("SIGKILL"));
  mkdirSync(dir);
  let pid = 0;
  const starting = (): number => {
    writeFileSync(join(point as AbsPath, "cgroup.procs"), `${beside.pid}`);
    rmdirSync(dir);
    return (pid = start([find("sleep"), "1000000"], [], []));
  };
  assert.throws(() => startIn([{ dir, version: 2, controllers: [] }], beside.pid!, starting), {
    errno: "ENODEV",
  });
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});
