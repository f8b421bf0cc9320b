import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import Ajv from "ajv";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import { golden } from "#test/golden";
import type { Diagnostic } from "#model/diagnostic";
import type { Check } from "#model/doctor";
import { doctorJson } from "#views/doctor";
import { driftJson, errorJson, validateJson, versionJson } from "#views/json";
import { planJson, streamJson } from "#views/json-plan";
import { graphJson } from "#views/graph";
import { initJson } from "#views/init";
import { logEnd, logLine, psJson } from "#views/json-runs";
import { lsJson, showJson } from "#views/json-state";
import { formatNames, formatSchema, type FormatName } from "../../scripts/formats.ts";
import { schemas } from "../../scripts/schemas.ts";
import * as f from "./fixtures.ts";
import { first } from "./plans.ts";
import { bare, detail, entries, mistakes, report, runs, valid } from "./reports.ts";
import { drawn } from "./drawn.ts";
import { failing, refused, stack, steps } from "./steps.ts";

const sum = { create: 1, update: 1, replace: 2, delete: 0, keep: 4 };
const blocked = f.blocked(f.picture, f.holders, [
  f.foreign,
  { ...f.foreign, seenBy: { pid: 7, namespace: "4026532871" } },
]);
const resized = f.plan([
  {
    op: "replace",
    because: "options_changed",
    address: 'web-tests.tmpfs["/tmp"]',
    kind: "tmpfs",
    before: f.tmpfs("/tmp", "67108864"),
    after: f.tmpfs("/tmp"),
    changes: [
      { path: "size", before: "67108864", after: null, forces_replace: true },
      { path: "mode", before: 0o1777, after: 0o700, forces_replace: true },
      { path: "upper", before: { kind: "tmpfs", bytes: "1024" }, after: 5n },
    ],
  },
]);

function stream(intent: "apply" | "destroy"): string {
  const out = streamJson(intent);
  return [
    out.version("0.1.0"),
    out.planned([f.picture]),
    ...failing.map((event) => out.step(f.picture, event)),
    ...steps.map((step) => out.step(f.picture, { event: "step_done", step, detail: "told" })),
    out.step(f.picture, { event: "undo_failed", step: stack, error: refused }),
    out.summary({ intent, ms: 41.26, summary: sum }),
    out.summary({ intent, ms: 41, summary: sum, failed: "kept", interrupted: true }),
  ].join("");
}

const wrong: readonly Diagnostic[] = [
  ...mistakes,
  { severity: "error", code: "kernel", summary: "x", call: "umount2()", errno: "EBUSY", hint: "y" },
];

const healthy: readonly Check[] = [{ name: "overlay", status: "yes", found: "here", essential: true }];
const sick: readonly Check[] = [
  {
    name: "overlay",
    status: "no",
    found: "not here",
    effect: "nothing works",
    fix: "modprobe overlay",
    essential: true,
  },
  { name: "mount_ids", status: "degraded", found: "reused ones", effect: "inodes are compared" },
];

/** Every output, at least once with everything that may be absent, and once without. */
const outputs: Readonly<Record<FormatName, string>> = {
  plan: planJson([f.picture]) + planJson([blocked, first, resized]) + planJson([]),
  apply: stream("apply"),
  destroy: stream("destroy"),
  drift: driftJson(report) + driftJson({ envs: [], unowned: [] }),
  ls: lsJson(entries) + lsJson([]),
  show: showJson(detail) + showJson(bare),
  ps: psJson(runs) + psJson([]),
  logs: logLine("web-tests/1", "stdout", "ok 1 - cart") + runs.map(logEnd).join(""),
  validate: validateJson(valid) + validateJson({ files: [{ file: f.FILE, diagnostics: mistakes }] }),
  doctor:
    doctorJson({ kernel: "6.18", rootless: false, checks: healthy }) +
    doctorJson({ kernel: "5.4", rootless: false, checks: sick }),
  init: initJson("web-tests", f.FILE),
  version: versionJson("1.2.3"),
  graph: graphJson(drawn) + graphJson({ ...drawn, from: "record", resources: [], command: ["make", "test"] }),
  error: errorJson(wrong),
};

const objects = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const compile = (schema: object): ValidateFunction =>
  new Ajv2020.default({ strict: true, allowUnionTypes: true }).compile(schema);

for (const name of formatNames) {
  test(`envctl.${name}/1: what is printed is what the schema says, key for key`, () => {
    const closed = compile(formatSchema(name, true));
    for (const object of objects(outputs[name])) {
      assert.ok(closed(object), `${JSON.stringify(closed.errors)}\n${JSON.stringify(object)}`);
      assert.equal(Object.keys(object)[0], "format");
      assert.equal(object["format"], `envctl.${name}/1`);
    }
    golden(`views/json/${name}.jsonl`, outputs[name]);
  });

  test(`envctl.${name}/1: readers that follow the schema bear new keys, and refuse what lacks old ones`, () => {
    const open = compile(formatSchema(name));
    for (const object of objects(outputs[name])) {
      assert.ok(open({ ...object, later: 1 }));
      for (const key of ["format", "event", "envs", "findings", "files", "diagnostics", "id"].filter(
        (k) => k in object,
      )) {
        const { [key]: _gone, ...rest } = object;
        assert.ok(!open(rest), `${key} may be absent`);
      }
      assert.ok(!open({ ...object, format: "envctl.other/1" }));
    }
  });
}

test("sizes are numbers, modes octal, lists of CPUs text", () => {
  const [env] = objects(planJson([f.picture]))[0]!["envs"] as {
    actions: { address: string; changes?: unknown[] }[];
  }[];
  const memory = env!.actions.find((a) => a.address === "web-tests.limit.memory")!;
  assert.deepEqual(memory.changes, [{ path: "value", before: 268435456, after: 536870912 }]);
  const [tmp] = objects(planJson([resized]))[0]!["envs"] as (typeof env)[];
  assert.deepEqual(tmp!.actions[0]!.changes, [
    { path: "size", before: 67108864, after: null, forces_replace: true },
    { path: "mode", before: "1777", after: "0700", forces_replace: true },
    { path: "upper", before: { kind: "tmpfs", bytes: 1024 }, after: 5 },
  ]);
  const [shown] = objects(showJson(detail));
  assert.deepEqual(shown!["limits"], { memory: 536870912, swap: 0, cpuset: "0-1", pids: 128 });
  assert.deepEqual(shown!["use"], { memory: 32505856, pids: 7 });
});

test("a mistake's source line stays out of JSON", () => {
  const [object] = objects(
    errorJson([
      {
        severity: "error",
        code: "wrong_type",
        summary: "s",
        file: "f",
        span: { line: 1, column: 1, length: 1 },
        text: "TOKEN: hunter2",
      },
    ]),
  );
  assert.deepEqual(object!["diagnostics"], [
    { severity: "error", code: "wrong_type", summary: "s", detail: "", file: "f", line: 1, column: 1 },
  ]);
});

test("schemas/ is what the types say (npm run schemas)", () => {
  const dir = new URL("../../schemas/", import.meta.url);
  assert.ok(existsSync(dir));
  const expected = schemas();
  assert.deepEqual(readdirSync(dir).sort(), [...expected.keys()].sort());
  for (const [name, text] of expected) assert.equal(readFileSync(new URL(name, dir), "utf8"), text, name);
});

test("every published schema is a valid one", () => {
  for (const text of schemas().values()) {
    const schema = JSON.parse(text) as { $schema: string };
    if (schema.$schema.includes("draft-07")) new Ajv.default({ strict: false }).compile(schema);
    else compile(schema);
  }
});
