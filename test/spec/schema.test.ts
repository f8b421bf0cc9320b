import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { environmentSchema } from "#spec/schema";
import { fixture, HEAD, read } from "./support.ts";

const accepts = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(
  environmentSchema(),
);
const valid = (text: string): boolean => accepts(parseYaml(text, { merge: true, logLevel: "silent" }));

test("schemas/env.schema.json is what the language says now (else: npm run schemas)", () => {
  const file = new URL("../../schemas/env.schema.json", import.meta.url);
  assert.equal(readFileSync(file, "utf8"), `${JSON.stringify(environmentSchema(), null, 2)}\n`);
});

test("every good file is good to an editor too", () => {
  for (const name of ["minimal", "full", "forms", "anchors", "substituted"]) {
    assert.ok(valid(fixture(name)), `${name}: ${JSON.stringify(accepts.errors)}`);
  }
});

test("the comment in a file leads an editor to a schema that takes it, and not its misspelt twin", () => {
  const file = new URL("../../envs/demo.yaml", import.meta.url);
  const text = readFileSync(file, "utf8");
  const [, named] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)!;
  const schema = JSON.parse(readFileSync(new URL(named!, file), "utf8")) as object;
  // As editors do: whatever the schema says of itself.
  const check = new Ajv({ strict: false }).compile(schema);
  assert.ok(check(parseYaml(text)), JSON.stringify(check.errors));
  for (const [right, wrong] of [
    ["volumes:", "volume:"],
    ["version: 1", "version: '1'"],
    ["rootfs:", "rootfs: { dir: a, oci: b }\nx-was:"],
  ] as const) {
    assert.ok(text.includes(right), right);
    assert.ok(!check(parseYaml(text.replace(right, wrong))), wrong);
  }
});

test("numbers and booleans may be substitutions", () => {
  for (const added of [
    'limits: { pids: "${N}" }',
    "limits:\n  cpus: ${N:-1.5}",
    'entry: { init: "${I}" }',
    'limits: { memory: "${M}MiB" }',
  ]) {
    assert.ok(valid(`${HEAD}${added}\n`), added);
  }
});

test("what an editor can see is refused there as well", () => {
  for (const added of [
    "lower: []",
    "limits: { pids: 1.5 }",
    'limits: { pids: "1" }',
    "limits: { memory: lots }",
    "limits: { memory: -1 }",
    "limits: { cpu_shares: 1 }",
    "limits: { swap: 1G }",
    "volumes: [a]",
    "volumes: [{ source: a }]",
    "volumes: [a:/b:rx]",
    "overlay: { upper: dsk }",
    "overlay: { upper: { tmpfs: x } }",
    "lowers: [{ dir: a, oci: b }]",
    "lowers: [{ }]",
    "lowers: [{ host: [] }]",
    "lowers: [{ archive: a, sha256: abc }]",
    "tmpfs: [{ size: 1M }]",
    "tmpfs: [{ target: /t, mode: '9' }]",
    "entry: { init: yes }",
    "entry: { network: bridge }",
    "entry: { command: [] }",
    "entry: { ready: { } }",
    "entry: { ready: { tcp: 80, file: /x } }",
  ]) {
    assert.ok(!valid(`${HEAD}${added}\n`), added);
    assert.equal(read(`${HEAD}${added}\n`).spec, undefined, added);
  }
  assert.ok(!valid("name: a\nrootfs: b\n"));
  assert.ok(!valid("version: 2\nname: a\nrootfs: b\n"));
});

test("whatever the language takes, its schema takes", () => {
  const values = fc.oneof(
    fc.constantFrom(
      "",
      "~",
      "0",
      "1",
      "12",
      "1.5",
      "010",
      "0o10",
      "true",
      "/",
      "/a",
      "./a",
      "a:/b",
      "a:/c:ro",
      "[]",
      "{}",
      "[a]",
      "[1, true]",
      "{ a: 1 }",
      "[A=1, B]",
      "64k",
      "5 Gib",
      '"${A}"',
      "0-1",
      "1,3",
      "30s",
      "disk",
      "on",
      "off",
      "caller",
      "CAP_KILL",
      "{ tmpfs: 8k }",
      "{ dir: a }",
      "{ file: /x }",
    ),
    fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  );
  const places = ["full", "forms"].flatMap((name) => {
    const lines = fixture(name).split("\n");
    return lines.flatMap((line, i) => (/^\s*(- )?[\w]+: \S/.test(line) ? [{ name, lines, i }] : []));
  });
  let taken = 0;
  fc.assert(
    fc.property(fc.constantFrom(...places), values, ({ name, lines, i }, value) => {
      const text = lines.with(i, lines[i]!.replace(/: .*/, `: ${value}`)).join("\n");
      if (read(text, { A: "1" }, `${name}.yaml`).spec === undefined) return;
      taken++;
      assert.ok(valid(text), `${text}\n${JSON.stringify(accepts.errors)}`);
    }),
    { numRuns: 800 },
  );
  assert.ok(taken > 50, `only ${taken} files were taken at all`);
});
