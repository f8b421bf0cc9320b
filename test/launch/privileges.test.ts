import assert from "node:assert/strict";
import test from "node:test";
import { Failure } from "#model/diagnostic";
import { privilegesOf } from "#launch/privileges";

const reader = { textAny: () => "CapEff:\t0\nCapBnd:\t000001fffeffffff\n" };

test("what envctl has itself can be added", () => {
  const { bounding } = privilegesOf(reader, { network: "none", capabilities: { drop: [], add: ["ALL"] } });
  assert.equal(bounding.length, 40);
  assert.equal(bounding.includes("SYS_RESOURCE"), false);
});

test("what envctl lacks is refused by name", () => {
  const entry = { network: "none", capabilities: { drop: [], add: ["CHOWN", "SYS_RESOURCE"] } } as const;
  assert.throws(
    () => privilegesOf(reader, entry),
    (error: unknown) =>
      error instanceof Failure && error.exit === 125 && /cannot add CAP_SYS_RESOURCE:/.test(error.message),
  );
});
