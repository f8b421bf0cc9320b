import assert from "node:assert/strict";
import test from "node:test";
import type { Observed } from "#model/observed";
import { isSettled } from "#model/plan";
import { lower, resultOf } from "#plan/lower";
import { base, limit, observed, overlay, planFor, verdicts } from "./fixture.ts";

const bare = [...base(), overlay()];

/** As if somebody had removed every group. */
const removed = (seen: Observed): Observed => ({
  ...seen,
  cgroups: seen.cgroups.map((g) => ({ ...g, exists: false, values: {} })),
});

test("a removed group without limits is made again, and said so", () => {
  const p = planFor(bare, removed(observed(bare)));
  assert.equal(verdicts(p)["cgroup"], "create missing");
  assert.deepEqual(p.summary, { create: 1, update: 0, replace: 0, delete: 0, keep: 2 });
  assert.deepEqual(
    p.drift.map((f) => `${f.kind} ${f.address}`),
    ["missing web.cgroup"],
  );
  assert.equal(isSettled(p), false);
  const steps = lower(p).map((s) => `${s.do} ${s.address}`);
  assert.ok(steps.includes("create_cgroup web.cgroup"), steps.join("\n"));
  assert.ok(
    resultOf(p).every((r) => (r.kind as string) !== "cgroup"),
    "the record has its groups elsewhere",
  );
});

test("with limits in it the limits are missing, and a reboot says it for all", () => {
  const limited = [...bare, limit("pids", "64")];
  const p = planFor(limited, removed(observed(limited)));
  assert.equal(verdicts(p)["cgroup"], undefined);
  assert.equal(verdicts(p)["limit.pids"], "create missing");
  const rebooted = planFor(bare, { ...removed(observed(bare)), mounts: [], rebooted: true });
  assert.equal(verdicts(rebooted)["cgroup"], undefined);
});

test("what stands is not made again", () => {
  assert.equal(verdicts(planFor(bare, observed(bare)))["cgroup"], undefined);
});
