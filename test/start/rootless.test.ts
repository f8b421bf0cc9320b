import assert from "node:assert/strict";
import test from "node:test";
import { GLOBAL_FLAGS } from "#model/commands";
import { VALUED } from "../../src/rootless.ts";

test("every option of all commands that takes a value is known before the arguments are parsed", () => {
  const all = GLOBAL_FLAGS.filter(({ value }) => value !== undefined).flatMap(({ name, short }) => [
    ...(short === undefined ? [] : [`-${short}`]),
    `--${name}`,
  ]);
  assert.deepEqual(VALUED, all);
});
