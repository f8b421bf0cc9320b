import assert from "node:assert/strict";
import test from "node:test";
import { turns } from "#views/turns";

test("what is said at once is told in order, and at once by whose turn it is", () => {
  const told: string[] = [];
  const { say, end } = turns(4, (text) => void told.push(text));
  say(1, "b1 ");
  say(0, "a1 ");
  assert.deepEqual(told, ["a1 "]);
  say(2, "c1 ");
  say(1, "b2 ");
  end(1);
  say(0, "a2 ");
  assert.deepEqual(told, ["a1 ", "a2 "]);
  end(0);
  assert.deepEqual(told, ["a1 ", "a2 ", "b1 b2 ", "c1 "]);
  say(2, "c2 ");
  end(2);
  end(3);
  assert.deepEqual(told.slice(4), ["c2 "]);
});
