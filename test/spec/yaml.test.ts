import assert from "node:assert/strict";
import test from "node:test";
import { complaints, fixture, HEAD, read } from "./support.ts";

const ugly: readonly (readonly [title: string, text: string, ...expected: string[]])[] = [
  ["an empty file", "", "1:1+1 an empty file | write version: 1, a name and a rootfs; or see envctl init"],
  [
    "a file of comments",
    "# nothing\n\n",
    "1:1+1 an empty file | write version: 1, a name and a rootfs; or see envctl init",
  ],
  ["two documents", `${HEAD}---\n${HEAD}`, "4:1+3 a second document | one file declares one environment"],
  [
    "a tab as indentation",
    `${HEAD}limits:\n\tmemory: 1G\n`,
    "5:1+1 tabs are not allowed as indentation | indent with spaces",
  ],
  [
    "an unknown tag",
    `${HEAD}entry: !entry { init: !!binary yes }\n`,
    "4:8+6 unknown tag !entry | remove it: values are taken as they are written",
    "4:23+8 unknown tag !!binary | remove it: values are taken as they are written",
    "4:32+3 not true or false | write true or false",
  ],
  [
    "a key twice",
    `${HEAD}limits: { pids: 1 }\nlimits: { pids: 2 }\n`,
    '5:1+6 a second key "limits" | the first is in line 4',
  ],
  [
    "a merge key twice",
    `x-a: &a { pids: 1 }\n${HEAD}limits:\n  <<: *a\n  pids: 1\n  pids: 2\n`,
    '8:3+4 a second key "pids" | the first is in line 7',
  ],
  ["a list as a key", `${HEAD}? [a]\n: b\n`, "4:3+1 a key must be text | put it in quotes"],
  [
    "an alias of nothing",
    `${HEAD}limits: { memory: *m }\n`,
    '4:19+2 no anchor "m" | write &m at a value above',
  ],
  [
    "an alias above its anchor",
    `${HEAD}limits: { memory: *m }\nx-m: &m 1G\n`,
    '4:19+2 no anchor "m" | write &m at a value above',
  ],
  [
    "an alias of itself",
    `${HEAD}lowers: &l [*l]\n`,
    "4:13+2 an alias within its own anchor | nothing can hold itself",
  ],
  [
    "a merge of no mapping",
    `x-a: &a [1]\n${HEAD}limits:\n  <<: *a\n`,
    "1:10+1 not a mapping to merge | <<: *anchor of a mapping, or a list of such",
  ],
  [
    "what an alias stands for is wrong: shown at the alias",
    `x-m: &m lots\n${HEAD}limits: { memory: *m }\n`,
    "5:19+2 not a size | a number with K, M or G (powers of 1024): 256MiB",
  ],
  [
    "what lies in an alias is wrong: shown where it is, and once",
    `x-v: &v { dir: 12 }\n${HEAD}lowers: [*v, *v]\n`,
    '1:16+2 not a path | put it in quotes: "12"',
  ],
  [
    "an unclosed quote",
    `${HEAD}entry: { command: "make\n`,
    '4:24+1 missing closing "quote | close what is open: quotes, [ or {',
  ],
  [
    "an unclosed bracket",
    `${HEAD}lowers: [a\nlimits: {}\n`,
    "5:1+1 flow sequence in block collection must be sufficiently indented and end with a ] | indent what belongs together by the same number of spaces, and close [ and {",
  ],
  [
    "a colon in a value",
    `${HEAD}entry:\n  command: sh: x\n`,
    '5:12+1 nested mappings are not allowed in compact mappings | a second ": " in one line: put the value in quotes, or begin it on its own line',
  ],
  [
    "a reserved character",
    `${HEAD}rootfs2: @x\n`,
    "4:10+1 plain value cannot start with reserved character @ | put it in quotes",
  ],
  [
    "a wrong escape",
    `${HEAD}lowers: ["C:\\dir"]\n`,
    String.raw`4:13+1 invalid escape sequence \d | in "…" a backslash starts an escape: write \\, or use '…'`,
  ],
  [
    "a substitution in a flow without quotes",
    `${HEAD}lowers: [\${A}]\n`,
    '4:11+1 missing , or : between flow sequence items | inside [ ] and { } put it in quotes: "${…}"',
  ],
  [
    "the same as a value, with lines behind it that only seem wrong",
    `${HEAD}entry:\n  env: { A: \${A} }\n  workdir: /\n  init: true\n`,
    '5:14+1 unexpected flow-map-start at node end | inside [ ] and { } put it in quotes: "${…}"',
  ],
  [
    "errors in several lines",
    `${HEAD}a: @x\nb: %y\n`,
    "4:4+1 plain value cannot start with reserved character @ | put it in quotes",
    "5:4+1 plain value cannot start with directive indicator character % | put it in quotes",
  ],
  [
    "YAML 1.1",
    `%YAML 1.1\n---\n${HEAD}`,
    "1:1+9 YAML 1.1 is another language | remove the line: files are YAML 1.2",
  ],
  [
    "an unknown directive",
    `%FOO bar\n---\n${HEAD}`,
    "1:1+8 unknown directive %FOO | remove the line: files are YAML 1.2",
  ],
  ["a control character", `${HEAD}lowers: ["\x07"]\n`, '4:11+1 a control character | in "…" write \\x07'],
  [
    "bytes that are no UTF-8",
    Buffer.concat([Buffer.from(`${HEAD}lowers: [`), Buffer.from([0xff, 0xfe]), Buffer.from("]\n")]).toString(
      "utf8",
    ),
    String.raw`4:10+1 not UTF-8 | save the file as UTF-8; where U+FFFD is meant, write \uFFFD in "…"`,
  ],
  [
    "a binary file",
    "\x7fELF\x02\x01\x01\0\0",
    '1:1+1 a control character | in "…" write \\x7f',
    "1:1+9 not an environment | keys with values: version: …",
  ],
  [
    "a file beyond all measure",
    `${HEAD}#${"x".repeat(1 << 20)}\n`,
    "1:1+1 too long for an environment file | 1 MiB at most",
  ],
  [
    "nested deeper than anything sensible",
    `${HEAD}x-deep: ${"[".repeat(60)}${"]".repeat(60)}\n`,
    "4:59+20 nested too deeply | 50 levels at most",
  ],
];

for (const [title, text, ...expected] of ugly) {
  test(title, () => {
    assert.deepEqual(complaints(text), expected);
    assert.equal(read(text).spec, undefined);
  });
}

test("10,000 levels in every style: one sentence, no stack trace, in a moment", () => {
  const deep = 10_000;
  for (const value of [
    `${"[".repeat(deep)}${"]".repeat(deep)}`,
    "[".repeat(deep),
    `${"{a: ".repeat(deep)}${"}".repeat(deep)}`,
    `\n${"- ".repeat(deep)}a`,
    `\n${Array.from({ length: 1400 }, (_, i) => `${" ".repeat(i + 1)}a:\n`).join("")}`,
    `\n  ${"? ".repeat(deep)}`,
  ]) {
    const began = performance.now();
    const said = complaints(`${HEAD}x-deep: ${value}\n`);
    assert.equal(said.length, 1, value.slice(0, 20));
    assert.match(said[0]!, /nested too deeply/);
    assert.ok(performance.now() - began < 5000);
  }
});

test("a billion laughs: refused at the alias that goes too far, in a moment", () => {
  const lines = ["x-0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"];
  for (let i = 1; i < 10; i++)
    lines.push(
      `x-${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  const began = performance.now();
  const said = complaints(`${lines.join("\n")}\n${HEAD}lowers: *a9\n`);
  assert.ok(performance.now() - began < 2000);
  assert.match(said[0]!, /^\d+:\d+\+3 aliases multiply too much \| they may stand for 10000 values in all$/);
});

test("20,000 keys do not take the square of it", () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `x-${i}: ${i}`).join("\n");
  const began = performance.now();
  assert.deepEqual(complaints(`${keys}\n${HEAD}`), []);
  assert.ok(performance.now() - began < 10_000);
});

test("CRLF, a BOM, a leading document marker and an end marker change nothing", () => {
  const plain = read(fixture("full"), { A: "x" }, "full.yaml");
  for (const text of [
    fixture("full").replaceAll("\n", "\r\n"),
    `\uFEFF${fixture("full")}`,
    `---\n${fixture("full")}...\n`,
    `%YAML 1.2\n---\n${fixture("full")}`,
    fixture("full").trimEnd(),
  ]) {
    const { spec, diagnostics } = read(text, { A: "x" }, "full.yaml");
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(spec, plain.spec);
  }
});

test("positions count characters, behind a BOM, in CRLF, beside any script", () => {
  const at = (text: string): object => {
    const { span, text: line } = read(text).diagnostics[0]!;
    return { ...span, line: `${span!.line} ${line}` };
  };
  assert.deepEqual(at(`\uFEFFlower: 1\n${HEAD}`), { line: "1 lower: 1", column: 1, length: 5 });
  assert.deepEqual(at(`${HEAD}lower: 1\r\nx-a: 1\r\n`), { line: "4 lower: 1", column: 1, length: 5 });
  const wide = 'entry: { env: { A: "😀ü漢" }, 💥: 1 }';
  assert.deepEqual(at(`${HEAD}${wide}\n`), { line: `4 ${wide}`, column: 29, length: 1 });
});

test("a value over several lines is pointed at in its first", () => {
  const long = `${HEAD}entry:\n  workdir: >-\n    here\n    there\n`;
  assert.deepEqual(complaints(long), ["5:12+2 not an absolute path | an absolute path inside: /work"]);
  const quoted = `${HEAD}entry:\n  workdir: "here\n    there"\n`;
  assert.deepEqual(complaints(quoted), ["5:12+5 not an absolute path | an absolute path inside: /work"]);
});

test("multi-line commands keep their lines", () => {
  const { spec } = read(`${HEAD}entry:\n  command: |\n    set -e\n    echo '\${HOME:-x}' "$HOME"\n`);
  assert.deepEqual(spec?.entry.command, ["/bin/sh", "-c", "set -e\necho 'x' \"$HOME\"\n"]);
});

test("!!str makes text of anything, as quotes do", () => {
  assert.deepEqual(read(`${HEAD}lowers: [!!str 12]\n`).spec?.lowers, [{ kind: "path", path: "12" }]);
});
