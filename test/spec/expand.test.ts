import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { expand } from "#spec/expand";

const variables: Readonly<Record<string, string>> = { A: "a", EMPTY: "", PRICE: "$5 ${A}" };
const text = (given: string): string | undefined => expand(given, (name) => variables[name]).result?.text;
const slips = (given: string): readonly string[] =>
  expand(given, (name) => variables[name]).slips.map((s) => `${s.start}+${s.length} ${s.summary}`);

test("the three forms", () => {
  assert.equal(text("${A}"), "a");
  assert.equal(text("x${A}y${A}"), "xaya");
  assert.equal(text("${EMPTY}"), "");
  assert.equal(text("${A:-d}${EMPTY:-d}${NONE:-d}"), "add");
  assert.equal(text("${NONE:-}"), "");
  assert.equal(text("${A:?m}"), "a");
});

test("$ without braces is text, doubled it is one", () => {
  assert.equal(text("$A $ $1 $(x) a$"), "$A $ $1 $(x) a$");
  assert.equal(text("$$"), "$");
  assert.equal(text("$${A}"), "${A}");
  assert.equal(text("$$$${A} $$${A}"), "$${A} $a");
});

test("what comes in is not expanded again", () => assert.equal(text("${PRICE}"), "$5 ${A}"));

test("defaults may hold substitutions, which count only where the default does", () => {
  assert.equal(text("${NONE:-${A}/${NONE:-$$}}"), "a/$");
  assert.equal(text("${A:-${NONE}}"), "a");
  assert.deepEqual(slips("${NONE:-${OTHER}}"), ["8+8 variable OTHER is not set"]);
});

test("malformed ones are all found, with their place", () => {
  assert.deepEqual(slips("a${"), ["1+2 ${ without }"]);
  assert.deepEqual(slips("${A"), ["0+3 ${ without }"]);
  assert.deepEqual(slips("${A:-${A}"), ["0+9 ${ without }"]);
  assert.deepEqual(slips("${A:?x"), ["0+6 ${ without }"]);
  assert.deepEqual(slips("${} ${1} ${A-b} ${A B}"), [
    "0+3 not a substitution",
    "4+4 not a substitution",
    "9+6 not a substitution",
    "16+6 not a substitution",
  ]);
  assert.deepEqual(slips("${N} ${M:?x}"), ["0+4 variable N is not set", "5+7 variable M is not set"]);
});

test("a default nested a thousand times is refused, not fatal", () => {
  assert.ok(slips(`${"${A:-".repeat(1000)}${"}".repeat(1000)}`).length > 0);
});

test("substituted is said of every ${…}, a default's too, and of nothing else", () => {
  const said = (given: string): boolean | undefined =>
    expand(given, (name) => variables[name]).result?.substituted;
  assert.deepEqual(["${A}", "x${N:-d}", "$$", "$A", "plain"].map(said), [true, true, false, false, false]);
});

test("text without $ comes out as it went in; doubled, every text does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (given) => {
      const plain = given.replaceAll("$", "");
      assert.deepEqual(
        expand(plain, () => undefined),
        { result: { text: plain, substituted: false }, slips: [] },
      );
      assert.equal(expand(given.replaceAll("$", "$$$$"), () => undefined).result?.text, given);
    }),
  );
});

test("anything at all: a text or slips that lie inside it", () => {
  const pieces = fc.constantFrom("$", "{", "}", "$$", "${", "A", "N", ":-", ":?", ":", "x", " ", "${A}");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
      const given = parts.join("");
      const { result, slips } = expand(given, (name) => variables[name]);
      assert.equal(result === undefined, slips.length > 0);
      for (const { start, length } of slips) {
        assert.ok(length > 0 && start >= 0 && start + length <= given.length, given);
        assert.ok(given.startsWith("${", start), given);
      }
    }),
    { numRuns: 2000 },
  );
});
