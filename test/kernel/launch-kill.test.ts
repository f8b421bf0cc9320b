import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { join, type AbsPath } from "#model/brand";
import { needs } from "#test/needs";
import { killed } from "#test/occupant";
import { scratch } from "./fixture.ts";
import {
  ALONE,
  assertUnchanged,
  launch,
  outcomesOf,
  prepareDir,
  processesWith,
  processWith,
  programFor,
  type Job,
} from "./launch-fixture.ts";

const real = needs("root", "mounts", "overlay", "program:busybox", "program:setpriv");
const straced = needs("root", "mounts", "overlay", "program:busybox", "program:setpriv", "program:strace");

/** An entry that leaves a mark in its root, and one in `dir`, which exists on the host alone. */
function marking(dir: AbsPath): Job {
  return { dir, command: ["sh", "-c", `echo ran >/ran; echo ran >${dir}/mark; sleep 60; true`, dir] };
}

/** An environment of the test's own; what still runs there at its end is killed. */
function environment(t: TestContext): AbsPath {
  const dir = prepareDir(scratch(t));
  t.after(() => {
    for (const pid of processesWith(dir)) killed(pid);
  });
  return dir;
}

/** Waits for the end of every process that has `dir` among its arguments; ms. */
async function gone(dir: AbsPath): Promise<number> {
  const begin = performance.now();
  while (processesWith(dir).length > 0) {
    assert.ok(performance.now() - begin < 20_000, `still there: ${processesWith(dir).join()}`);
    await setTimeout(1);
  }
  return performance.now() - begin;
}

test(
  "SIGKILL of the launching process takes a running entry along within milliseconds (F20)",
  real,
  async (t) => {
    const dir = environment(t);
    let ms = Infinity;
    // Others want the processor, too: once more where it took long.
    for (let tries = 0; tries < 5 && ms >= 500; tries++) {
      rmSync(join(dir, "upper/ran"), { force: true });
      const [file, ...args] = programFor([marking(dir)]);
      const parent = spawn(file, args, { stdio: "ignore" });
      t.after(() => parent.kill("SIGKILL"));
      await processWith(dir, (argv) => argv[0] === "sh");
      while (!existsSync(join(dir, "upper/ran"))) await setTimeout(1);
      parent.kill("SIGKILL");
      await once(parent, "exit");
      ms = await gone(dir);
      assert.equal(existsSync(join(dir, "mark")), false);
    }
    assert.ok(ms < 500, `its processes lived for ${ms} ms`);
  },
);

/** System calls that a launch goes through, roughly in this order. */
const CALLS = [
  "unshare",
  "mount_setattr",
  "open_tree",
  "pipe2",
  "close_range",
  "clone3",
  "fsmount",
  "move_mount",
  "sethostname",
  "poll",
  "pivot_root",
  "umount2",
  "setns",
  "chroot",
];

type Point = { readonly call: string; readonly nth: number };

/** Where a launch can be cut off: first and last occurrence of each call, between the first unshare(2) and the way back. */
function points(dir: AbsPath): readonly Point[] {
  const log = join(dir, "trace");
  launch({ dir, command: ["true"] }, ["strace", "-f", "-o", log, "-e", `trace=${CALLS.join()}`]);
  const calls = readFileSync(log, "utf8")
    .split("\n")
    .map((line) => /^(\d+) +(\w+)\(/.exec(line))
    .filter((match) => match !== null);
  const main = calls.find((match) => match[2] === "pivot_root")?.[1];
  const counts = new Map<string, number>();
  const found: Point[] = [];
  let inside = false;
  for (const [, thread, call = ""] of calls) {
    if (thread !== main) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    inside ||= call === "unshare";
    if (inside) found.push({ call, nth });
  }
  return CALLS.flatMap((call) => {
    const all = found.filter((point) => point.call === call);
    return all.length > 1 ? [all[0]!, all.at(-1)!] : all;
  });
}

test(
  "killed at any point of a launch, the entry never runs on the host, and not at all before its root is ready (F21)",
  straced,
  async (t) => {
    const dir = environment(t);
    const all = points(dir);
    assert.deepEqual(
      CALLS.filter((call) => !all.some((point) => point.call === call)),
      [],
      "every call was seen",
    );
    for (const { call, nth } of all) {
      rmSync(join(dir, "upper"), { recursive: true });
      rmSync(join(dir, "work"), { recursive: true });
      rmSync(join(dir, "result.json"), { force: true });
      for (const name of ["upper", "work"]) mkdirSync(join(dir, name));
      const { signal, status } = spawnSync(
        "strace",
        [
          "-f",
          "-o",
          "/dev/null",
          "-e",
          `inject=${call}:signal=KILL:when=${nth}`,
          ...programFor([marking(dir)]),
        ],
        { stdio: "ignore", timeout: 20_000, killSignal: "SIGKILL" },
      );
      const where = `${call} number ${nth}`;
      assert.ok(signal === "SIGKILL" || status === 137, `${where} was hit: ${signal ?? status}`);
      await gone(dir);
      assert.equal(existsSync(join(dir, "mark")), false, `${where}: it ran on the host`);
      assert.deepEqual(outcomesOf(dir), [], `${where}: it was reported as started`);
      if (call !== "setns" && call !== "chroot" && !(call === "unshare" && nth > 1)) {
        assert.equal(existsSync(join(dir, "upper/ran")), false, `${where}: it ran`);
      }
    }
  },
);

test("a helper that is killed before the entry ran is a failure of the launch", straced, async (t) => {
  const dir = environment(t);
  // The launching process executes nothing itself: the second execve of a thread is the first shell's.
  const outcome = launch(marking(dir), [
    ...ALONE,
    "strace",
    "-f",
    "-o",
    "/dev/null",
    "-e",
    "inject=execve:signal=KILL:when=2",
  ]);
  assert.equal(outcome.failure?.exit, 125);
  assert.equal(outcome.failure?.summary, "the entry's process ended by SIGKILL before it was started");
  assertUnchanged(outcome);
  await gone(dir);
  assert.equal(existsSync(join(dir, "upper/ran")), false);
});

for (const pidns of [undefined, false] as const) {
  const how = pidns === undefined ? "from outside" : "by the child";
  test(
    `helpers that outlive a failed launch complain of nothing, proc mounted ${how}`,
    straced,
    async (t) => {
      const dir = environment(t);
      rmSync(join(dir, "rootfs/dev"), { recursive: true });
      symlinkSync("/", join(dir, "rootfs/dev"));
      const late = ["strace", "-f", "-o", "/dev/null", "-e", "inject=kill:delay_enter=500000"];
      const outcome = launch({ ...marking(dir), ...(pidns === false && { pidns }) }, [...ALONE, ...late]);
      assert.equal(
        outcome.failure?.summary,
        "/dev is no directory (a symlink is not followed) in the rootfs",
      );
      assert.equal(outcome.stderr, "");
      assertUnchanged(outcome);
      await gone(dir);
    },
  );
}
