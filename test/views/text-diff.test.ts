import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { entryText, textLines } from "#views/text-diff";

const lines = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 12 });

test("the lines without minus are the text after, those without plus the text before, but for folded ones", () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const all = textLines(before.join("\n"), after.join("\n"));
      if (all.some(({ text }) => text.endsWith(" more)"))) return;
      const without = (sign: string): readonly string[] =>
        all.filter((line) => line.sign !== sign).map((line) => line.text);
      const whole = (text: readonly string[]): readonly string[] =>
        text.join("\n") === "" ? [] : text.join("\n").replace(/\n$/, "").split("\n");
      assert.deepEqual(without("-"), whole(after));
      assert.deepEqual(without("+"), whole(before));
    }),
  );
});

test("of a long unchanged stretch its ends are shown, and how much is not", () => {
  const text = (last: string): string => [..."0123456789", last].join("\n");
  assert.deepEqual(
    textLines(text("x"), text("y")).map(({ sign, text }) => sign + text),
    [" (8 more)", " 8", " 9", "-x", "+y"],
  );
});

test("a script is shown as it is, another command as it would be typed, variables by name", () => {
  assert.equal(entryText(["/bin/sh", "-c", "set -e\nmake"]), "set -e\nmake");
  assert.equal(entryText(["/bin/sh", "-c", "make all"]), "/bin/sh -c 'make all'");
  assert.equal(entryText({ B: "2\n3", A: "1" }), "A=1\nB=2\\n3");
  assert.equal(entryText(null), "");
});
