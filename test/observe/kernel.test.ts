import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { type AbsPath, type EnvId, join as joinPath, type Lineage } from "#model/brand";
import { mountTag, placeOf } from "#model/identity";
import { overlayPaths, parseMountinfo } from "#model/mountinfo";
import { linuxMounts } from "#kernel/mounts";
import { linuxReader } from "#kernel/reader";
import { groupsOfLineage } from "#observe/cgroups";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { needs } from "#test/needs";
import { scratch } from "../kernel/fixture.ts";

const reader = linuxReader({ uid: process.getuid!(), pid: process.pid });
const mounts = linuxMounts();
const ID = "web-0123abcd" as EnvId;
const LINEAGE = process.pid.toString(16).padStart(8, "0") as Lineage;

/** Everything that mountinfo or overlayfs escapes, and some that neither does. */
const UGLY = "a b\tc\nd\\e:f,g#h=i\u{1F642}'\"";

test(
  "C16 ugly paths come back from the kernel's own table as they are",
  needs("root", "mounts", "overlay"),
  (t) => {
    const dir = scratch(t);
    const state = join(dir, UGLY) as AbsPath;
    const place = placeOf(state, ID);
    const lowers = [join(dir, `low ${UGLY}`), join(dir, "plain")] as AbsPath[];
    for (const path of [...lowers, place.merged, place.upper, place.work])
      mkdirSync(path, { recursive: true });
    const tree = mounts.stage((stage) => {
      stage.overlay(
        { tag: mountTag(LINEAGE, ID), lowers, rw: { upper: place.upper, work: place.work }, options: {} },
        place.merged,
      );
      return stage.take(place.merged);
    });
    const made = mounts.attach(tree, place.merged);
    const seen = observe(reader, ID, LINEAGE, state);
    assert.deepEqual(
      seen.mounts.map((m) => [m.id, m.dev, m.point, m.source]),
      [[made.id, made.dev, place.merged, mountTag(LINEAGE, ID)]],
    );
    const paths = overlayPaths(seen.mounts[0]!.superOptions);
    // Older kernels show descriptors where newer ones show paths.
    if (paths.lowers !== undefined) assert.deepEqual(paths.lowers, lowers);
    if (paths.upper !== undefined) assert.deepEqual([paths.upper, paths.work], [place.upper, place.work]);
    assert.equal(seen.covering!.id, reader.mountId(dir));
    assert.equal(seen.upperUsed, false);
    writeFileSync(join(place.merged, "new"), "x");
    assert.equal(observe(reader, ID, LINEAGE, state).upperUsed, true);
  },
);

test("this host: every line of its mount table is read, and hierarchies are where their files are", () => {
  const host = lookAtHost(reader);
  assert.equal(parseMountinfo(host.mountinfo).length, host.mountinfo.trimEnd().split("\n").length);
  assert.match(host.boot, /^[0-9a-f-]{36}$/);
  assert.match(host.mountNamespace, /^\d+$/);
  const witness: Readonly<Record<string, readonly [string, string]>> = {
    memory: ["memory.limit_in_bytes", "memory.stat"],
    pids: ["cgroup.procs", "cgroup.procs"],
    cpuset: ["cpuset.cpus", "cpuset.cpus.effective"],
    cpu: ["cpu.shares", "cpu.stat"],
  };
  for (const { mount, version, controllers } of host.hierarchies) {
    assert.ok(existsSync(join(mount, "cgroup.procs")), mount);
    for (const c of controllers)
      if (witness[c] !== undefined)
        assert.ok(existsSync(join(mount, witness[c][version - 1]!)), `${mount} has ${c}`);
  }
});

test("E4 a limit written to a real group is read back in canonical form", needs("root"), (t) => {
  const { hierarchies } = lookAtHost(reader);
  const memory = hierarchies.find((h) => h.version === 1 && h.controllers.includes("memory"));
  if (memory === undefined) return t.skip("needs cgroup:memory");
  const dir = joinPath(memory.mount, `envctl-${LINEAGE}`, ID);
  mkdirSync(dir, { recursive: true });
  t.after(() => {
    rmdirSync(dir);
    rmdirSync(join(dir, ".."));
  });
  writeFileSync(join(dir, "memory.limit_in_bytes"), "1000000");
  const seen = observe(reader, ID, LINEAGE, "/nowhere" as AbsPath);
  const [group] = seen.cgroups;
  assert.deepEqual([group!.dir, group!.version, group!.exists, group!.populated], [dir, 1, true, false]);
  const pages = Math.floor(1_000_000 / 4096) * 4096;
  assert.equal(group!.values.memory, readFileSync(join(dir, "memory.limit_in_bytes"), "utf8").trim());
  assert.ok(
    Number(group!.values.memory) <= 1_000_000 && Number(group!.values.memory) >= pages - 61_440,
    group!.values.memory,
  );
  assert.match(group!.memoryUse!, /^\d+$/);
  assert.equal(group!.values.swap, undefined);
  assert.deepEqual(
    [...groupsOfLineage(reader, hierarchies, LINEAGE)],
    [[ID, [{ dir, version: 1, controllers: memory.controllers }]]],
  );
});
