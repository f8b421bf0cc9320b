// A throwaway instance is gone in the end: nothing of it waits for the disk.
import assert from "node:assert/strict";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";
import { trace } from "#test/strace";

guard();

const ALL = needs("root", "overlay", "program:strace");

test("run --rm syncs no file and no file system; apply syncs its record", ALL, (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [cat, /proc/self/mounts] }\n");
  const synced = (args: readonly string[]): readonly string[] => {
    const { result, calls } = trace(p, args);
    assert.equal(result.code, 0, result.stderr);
    const paths = calls
      .filter((c) => /^(fsync|fdatasync|sync|syncfs|sync_file_range)$/.test(c.name))
      .map((c) => c.args);
    return paths.filter((args) => args.includes(p.state));
  };
  p.ok(["validate", "web"]);
  const { stdout } = p.ok(["run", "--rm", "web"]);
  assert.match(
    stdout,
    /^envctl:\S+ \/ overlay \S*(volatile)/m,
    "without it the last unmount syncs all of the host's file system",
  );
  assert.deepEqual(synced(["run", "--rm", "web"]), []);
  assert.ok(synced(["apply", "-y", "web"]).some((args) => args.includes("env.json")));
});
