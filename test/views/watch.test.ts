import assert from "node:assert/strict";
import test from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { StepEvent } from "#model/step";
import { watch } from "#views/watch";
import { done, memory } from "./steps.ts";

const look = { color: false, columns: 80, unicode: false, cwd: "/" as never };
const view = { head: "", line: () => "", moving: ({ done }: { readonly done: number }) => `${done} of 100` };

/** What is written while a step tells of each piece at a time (ms) since it began, and then ends. */
async function written(...pieces: readonly (readonly [ms: number, done: number])[]): Promise<string> {
  let [now, text] = [0, ""];
  const told = watch(view, look, { monotonic: () => now }, (more) => (text += more));
  await told({ event: "step_start", step: memory });
  for (const [ms, piece] of pieces) {
    now = ms;
    const event: StepEvent = { event: "step_progress", step: memory, done: piece, total: 100 };
    await told(event);
  }
  await told(done(memory));
  return text;
}

test("a step that is over before anybody would look shows nothing", async () => {
  assert.equal(await written(), "");
  assert.equal(await written([40, 20], [150, 90]), "");
});

test("a step that takes longer shows how far it is, on a line that it takes away again", async () => {
  const text = await written([40, 10], [200, 30], [260, 60]);
  assert.match(stripVTControlCharacters(text), /30 of 100/);
  assert.doesNotMatch(text, /\b10 of 100/);
  // The whole line is erased (ECMA-48, EL).
  assert.ok(text.slice(text.lastIndexOf("of 100")).includes("\u001b[2K"), JSON.stringify(text));
});
