import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, Lineage } from "#model/brand";
import {
  cgroupDir,
  envId,
  instanceId,
  instanceOf,
  isEnvId,
  mountTag,
  NAME_PATTERN,
  placeOf,
} from "#model/identity";

const id = envId("web-tests", "931505fbaa");

test("an id is the name and the first eight digits of a digest", () => {
  assert.equal(id, "web-tests-931505fb");
  assert.ok(isEnvId(id));
  assert.ok(isEnvId(instanceId(id, 12)));
  for (const text of [
    "",
    "web-tests",
    "-931505fb",
    "web-931505FB",
    "web-931505f",
    "../x-931505fb",
    `${id}.r0`,
    `${id}.r`,
    `${id}\n`,
    "README",
  ])
    assert.ok(!isEnvId(text), text);
});

test("a throwaway instance knows what it is an instance of", () => {
  assert.equal(instanceOf(instanceId(id, 3)), id);
  assert.equal(instanceOf(id), undefined);
});

test("B4 names with a slash, dots or capitals are none; E17 those of cgroup files are fine", () => {
  for (const name of ["a", "tasks", "cgroup_procs", "0-a_b", "a".repeat(63)])
    assert.match(name, NAME_PATTERN);
  for (const name of ["", "A", "-a", "_a", "a/b", "..", "a.b", "a b", "a\n", "a".repeat(64)])
    assert.doesNotMatch(name, NAME_PATTERN);
});

test("where things of an environment lie", () => {
  const place = placeOf("/var/lib/envctl" as AbsPath, id);
  assert.equal(place.upper, "/var/lib/envctl/envs/web-tests-931505fb/rw/upper");
  assert.equal(place.merged, "/var/lib/envctl/envs/web-tests-931505fb/merged");
  assert.equal(mountTag("0a1b2c3d" as Lineage, id), "envctl:0a1b2c3d:web-tests-931505fb");
  assert.equal(
    cgroupDir("/sys/fs/cgroup" as AbsPath, "0a1b2c3d" as Lineage, id),
    "/sys/fs/cgroup/envctl-0a1b2c3d/web-tests-931505fb",
  );
});
