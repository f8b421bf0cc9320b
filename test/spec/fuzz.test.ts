import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { fixture, read } from "./support.ts";

const NAMES = ["full", "forms", "anchors", "substituted"] as const;
const TOKENS = [
  "\n",
  "  ",
  "\t",
  "- ",
  ": ",
  "[",
  "]",
  "{",
  "}",
  '"',
  "'",
  "&a ",
  "*a",
  "!x ",
  "| ",
  "> ",
  "<<: ",
  "#",
  "${",
  "}",
  "$",
  "~",
  "\r\n",
  "---\n",
  "...",
  "%",
  "@",
  "\0",
  "😀",
  "\uFEFF",
  "\u2028",
  "\\",
  "? ",
  "1e9",
  "-1",
];

/** Whatever a file says: an answer, every place within the text, and a Spec exactly where nothing is wrong. */
function sane(text: string): void {
  const { spec, diagnostics, variables, locate } = read(text, { A: "x", FAST: "true" }, "full.yaml");
  assert.equal(spec === undefined, diagnostics.length > 0);
  assert.deepEqual(variables, [...new Set(variables)].sort());
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  for (const { span, text: line, summary } of [
    ...diagnostics,
    { ...locate(["limits", "memory"]), summary: "-" },
  ]) {
    assert.ok(span);
    assert.equal(line, lines[span.line - 1]?.replace(/\r$/, ""));
    const characters = [...line!].length;
    assert.ok(span.column >= 1 && span.length >= 1, summary);
    assert.ok(span.column + span.length <= characters + 2, `${summary}: ${JSON.stringify([span, line])}`);
    assert.ok(summary.length > 0 && !summary.includes("\n"));
  }
  const order = diagnostics.map(({ span }) => span!.line * 1e6 + span!.column);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
}

test("any characters at all", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), sane), { numRuns: 300 });
});

test("any pile of YAML's own signs", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...TOKENS, "a", "name", "limits"), { maxLength: 60 }), (parts) =>
      sane(parts.join("")),
    ),
    { numRuns: 1000 },
  );
});

test("a good file with something inserted, removed or doubled anywhere", () => {
  const edit = fc.record({
    name: fc.constantFrom(...NAMES),
    at: fc.nat(),
    remove: fc.nat({ max: 40 }),
    insert: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ unit: "binary", maxLength: 5 })),
    double: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = fixture(edits[0]!.name);
      for (const { at, remove, insert, double } of edits) {
        const from = at % (text.length + 1);
        const gone = text.slice(from, from + remove);
        text = text.slice(0, from) + insert + (double ? gone + gone : "") + text.slice(from + remove);
      }
      sane(text);
    }),
    { numRuns: 600 },
  );
});

test("any value in any field: refused with its place, or taken", () => {
  const scalars = fc.oneof(
    fc.constantFrom(
      "",
      "~",
      "1",
      "-1",
      "1.5",
      "1e999",
      "0x10",
      "true",
      "/",
      "/a",
      "..",
      "a:b",
      "a:/b:ro",
      "[]",
      "{}",
      "[a]",
      "{ a: b }",
      "256MiB",
      '"${A}"',
      "*m",
      "0-1",
      "30s",
    ),
    fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  );
  const lines = fixture("full").split("\n");
  const places = lines.flatMap((line, i) => (/^\s*[\w]+: \S/.test(line) ? [i] : []));
  fc.assert(
    fc.property(fc.constantFrom(...places), scalars, (line, value) => {
      sane(lines.with(line, lines[line]!.replace(/: .*/, `: ${value}`)).join("\n"));
    }),
    { numRuns: 600 },
  );
});

test("a literal text is kept letter by letter, in env and in commands", () => {
  const plain = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("$"));
  const quote = (text: string): string => JSON.stringify(text).replaceAll("\ufffd", String.raw`\ufffd`);
  fc.assert(
    fc.property(plain, plain, (value, word) => {
      const quoted = `version: 1\nname: n\nrootfs: a\nentry: { env: { A: ${quote(value)} }, command: [x, ${quote(word)}] }\n`;
      const { entry } = read(quoted, {}, "n.yaml").spec!;
      assert.deepEqual(entry.env["A"], { kind: "literal", value });
      assert.deepEqual(entry.command, ["x", word]);
    }),
    { examples: [["\ufffd", ""]] },
  );
});
