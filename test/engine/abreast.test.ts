import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import test from "node:test";
import { abreast } from "#engine/abreast";
import type { Plan } from "#model/plan";
import { base, blank, overlay, planFor, volume } from "../plan/fixture.ts";

const RESOURCES = [...base(), overlay()];
const plain = (): Plan => planFor(RESOURCES, blank());

/** The most that were under way at once, and in which order they began. */
async function run(plans: readonly Plan[], go: (index: number) => boolean = () => true) {
  let [now, most] = [0, 0];
  const begun: number[] = [];
  await abreast(plans, async (plan) => {
    const index = plans.indexOf(plan);
    begun.push(index);
    most = Math.max(most, ++now);
    await setImmediate();
    now--;
    return go(index);
  });
  return { most, begun };
}

test("many are under way at once, and begin in their order", async () => {
  const { most, begun } = await run(Array.from({ length: 30 }, plain));
  assert.equal(most, 8);
  assert.deepEqual(begun, [...begun.keys()]);
  assert.equal(begun.length, 30);
});

test("one by one where one makes what another may need: a missing source, a stored layer", async () => {
  const create = { dirs: [], owner: { mode: 0o755, uid: 0, gid: 0 } };
  const source = planFor([...RESOURCES, volume("/data", { create })], blank());
  assert.equal((await run([plain(), source, plain()])).most, 1);
  const layer = planFor(RESOURCES, blank({ absentLayers: ["/state/layers/sha256/x" as never] }));
  assert.equal((await run([plain(), plain(), layer])).most, 1);
});

test("after an interruption nothing more begins", async () => {
  const { begun } = await run(Array.from({ length: 30 }, plain), (index) => index !== 3);
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("what one throws is thrown when the others are done", async () => {
  const ended: number[] = [];
  const plans = Array.from({ length: 3 }, plain);
  const all = abreast(plans, async (plan) => {
    if (plans.indexOf(plan) === 0) throw new Error("a bug");
    await setImmediate();
    ended.push(plans.indexOf(plan));
    return true;
  });
  await assert.rejects(all, /a bug/);
  assert.deepEqual(ended, [1, 2]);
});
