import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { paint } from "#views/ansi";
import { layerLines } from "#views/layers";
import * as text from "#views/text";
import { CONTROLS, layer } from "./fixtures.ts";

test("width counts cells: wide characters two, marks and colours none", () => {
  for (const [given, cells] of [
    ["", 0],
    ["abc", 3],
    ["日本", 4],
    ["e\u0301", 1],
    ["🚀", 2],
    ["→", 1],
  ] as const) {
    assert.equal(text.width(given), cells, given);
    assert.equal(text.width(paint(true).red(given)), cells, given);
  }
});

test("wrapping keeps every word, and breaks only where a line would be too long", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 12, max: 60 }), (given, cells) => {
      const lines = text.wrap(given.join(" "), cells);
      assert.deepEqual(lines.join(" ").split(" "), given);
      for (const [i, line] of lines.entries()) {
        assert.ok(text.width(line) <= cells);
        const next = lines[i + 1]?.split(" ")[0];
        assert.ok(next === undefined || text.width(`${line} ${next}`) > cells, "a word would have fitted");
      }
    }),
  );
});

test("a cut text fits and says that it was cut", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 4, max: 30 }), (given, cells) => {
      const cut = text.cut(given, cells, "…");
      assert.ok(text.width(cut) <= cells);
      assert.ok(cut === given || (cut.endsWith("…") && given.startsWith(cut.slice(0, -1))));
    }),
  );
});

test("columns of a table begin at one cell in every row", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", "日", "é"), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
      const at = Math.max(...rows.map(([first]) => text.width(first))) + 2;
      for (const [i, line] of text.table(rows).entries()) {
        const [first, second] = rows[i]!;
        assert.equal(line, `${text.pad(first, at)}${second}`);
      }
    }),
  );
});

test("a note begins in its column, or on a line of its own there", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70 }), (length) => {
      const left = "x".repeat(length);
      const lines = text.noted(left, "a remark that is not short at all", 40, 80, (s) => s);
      const column = lines[0]!.indexOf("a remark");
      if (length <= 38) assert.equal(column, 40);
      else if (column < 0) assert.deepEqual([lines[0], lines[1]!.indexOf("a remark")], [left, 40]);
      else assert.equal(column, length + 2);
      assert.ok(lines.every((line) => text.width(line) <= 80));
    }),
  );
});

test("no text can steer the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (given) => {
      const { name, list } = text.inert({ name: given, list: [given] });
      assert.doesNotMatch(name + list[0], CONTROLS);
    }),
  );
  assert.equal(text.inert("\u001b[2Jx\u202e"), "\\x1b[2Jx\\u202e");
  const error = new Error("kept");
  assert.equal(text.inert({ error }).error, error);
});

test("durations and ages", () => {
  const spans = [0.2, 41, 999.4, 999.6, 14_200, 59_949, 59_950, 65_000, 3_600_000].map(text.duration);
  assert.deepEqual(spans, [
    "0 ms",
    "41 ms",
    "999 ms",
    "1.0 s",
    "14.2 s",
    "59.9 s",
    "1 min 0 s",
    "1 min 5 s",
    "60 min 0 s",
  ]);
  assert.deepEqual([-1, 3, 59, 60, 725, 7300, 86_400, 450_000].map(text.age), [
    "0s",
    "3s",
    "59s",
    "1m",
    "12m",
    "2h",
    "1d",
    "5d",
  ]);
});

test("names are listed as in a sentence", () => {
  assert.deepEqual([text.list([]), text.list(["a"]), text.list(["a", "b", "c"])], ["", "a", "a, b and c"]);
});

test("the list of layers reads as the list after it, with what is new, moved and gone", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 5 });
  fc.assert(
    fc.property(names, names, (before, after) => {
      const lines = layerLines(
        before.map((n) => layer(n)),
        after.map((n) => layer(n)),
      );
      assert.deepEqual(
        lines.filter((l) => l.sign !== "-").map((l) => l.text),
        after,
      );
      assert.deepEqual(
        lines
          .filter((l) => l.sign === "-")
          .map((l) => l.text)
          .sort(),
        before.filter((n) => !after.includes(n)).sort(),
      );
      assert.deepEqual(
        lines.filter((l) => l.sign === "+").map((l) => l.text),
        after.filter((n) => !before.includes(n)),
      );
      const still = lines.filter((l) => l.sign === " ").map((l) => l.text);
      assert.deepEqual(
        still,
        before.filter((n) => still.includes(n)),
        "what is not marked kept its order",
      );
    }),
  );
});

test("a layer of the same path that became another directory is marked, and long runs are folded", () => {
  assert.deepEqual(layerLines([layer("a", "1")], [layer("a", "2")]), [
    { sign: "~", text: "a", note: "another directory now" },
  ]);
  const many = Array.from({ length: 300 }, (_, i) => layer(`${i}`));
  const folded = layerLines(many, [layer("new"), ...many]);
  assert.deepEqual(
    folded.map((l) => l.text),
    ["new", "0", "(298 more)", "299"],
  );
});
