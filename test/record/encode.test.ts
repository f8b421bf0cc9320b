import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import test from "node:test";
import { decode, encode } from "#record/encode";
import { RECORD } from "./fixture.ts";

// Node's own, to check ours by.
const checksum = (text: string): string => crc32(text).toString(16).padStart(8, "0");
const TEXT = encode(RECORD);

/** The record's text with something else in it, and a checksum that is right for that. */
function forged(change: (json: Record<string, unknown>) => void): string {
  const json = JSON.parse(TEXT) as Record<string, unknown>;
  change(json);
  delete json["checksum"];
  const sort = (v: unknown): unknown =>
    Array.isArray(v)
      ? v.map(sort)
      : typeof v === "object" && v !== null
        ? Object.fromEntries(
            Object.entries(v)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([k, x]) => [k, sort(x)]),
          )
        : v;
  return JSON.stringify({ ...json, checksum: checksum(JSON.stringify(sort(json))) });
}

test("a record comes back as it was written, bytes as bigint", () => {
  const back = decode(TEXT);
  assert.deepEqual(back, { kind: "record", record: RECORD });
  assert.equal(TEXT, encode({ ...RECORD }), "the same record is the same text");
  assert.match(TEXT, /"memory": 268435456,/);
});

test("the order of keys and the layout do not matter, every value does", () => {
  const json = JSON.parse(TEXT) as Record<string, unknown>;
  assert.equal(decode(JSON.stringify(Object.fromEntries(Object.entries(json).reverse()))).kind, "record");
  for (const [old, now] of [
    ["0:50", "0:51"],
    ["/repo/src", "/etc"],
    ["268435456", "268435457"],
    ["applied", "kept"],
  ] as const) {
    const found = decode(TEXT.replace(old, now));
    assert.equal(found.kind, "corrupt");
    assert.match(found.kind === "corrupt" ? found.why : "", /checksum/);
  }
});

test("F13 whatever is cut short is corrupt, and never an exception", () => {
  for (let end = 0; end < TEXT.length - 1; end += 7)
    assert.equal(decode(TEXT.slice(0, end)).kind, "corrupt", `cut at ${end}`);
  for (const text of [
    "",
    "\n",
    "null",
    "[]",
    "7",
    '"x"',
    "{}",
    '{"format":7}',
    '{"format":"other/1"}',
    "\0\0\0",
  ]) {
    assert.equal(decode(text).kind, "corrupt", text);
  }
});

test("F13 another format of ours was written by a newer envctl", () => {
  const text = TEXT.replace("envctl.record/1", "envctl.record/2").replace("0.1.0", "3.0.0");
  assert.deepEqual(decode(text), { kind: "newer", format: "envctl.record/2", version: "3.0.0" });
});

test("a right checksum over something that is no record does not help", () => {
  type Json = Record<string, unknown>;
  const cases: readonly (readonly [(json: Json) => void, RegExp])[] = [
    [(j) => delete j["mounts"], /mounts is missing/],
    [(j) => (j["phase"] = "fine"), /phase is not one of applying/],
    [(j) => (j["file"] = "relative"), /file is not an absolute path/],
    [(j) => (j["file"] = "/a/../etc"), /file is not an absolute path/],
    [(j) => (j["serial"] = 1.5), /serial is not a whole number/],
    [(j) => ((j["resources"] as Json[])[3]!["path"] = 7), /resources\[3\]\.path is not an absolute path/],
    [(j) => ((j["resources"] as Json[])[0]!["kind"] = "toString"), /resources\[0\]\.kind is not one of/],
    [
      (j) => ((j["spec"] as Json)["limits"] = { memory: "much" }),
      /spec\.limits\.memory is not a whole number/,
    ],
    [
      (j) => ((j["mounts"] as Json)["web.overlay"] = { id: "x", dev: "0:1", point: "/" }),
      /mounts\.web\.overlay\.id/,
    ],
    [
      (j) => (j["cgroups"] = [{ dir: "/x", version: 3, controllers: [] }]),
      /cgroups\[0\]\.version is not one of 1, 2/,
    ],
    [(j) => (j["variables"] = {}), /variables is not a list/],
    [(j) => (j["spec"] = null), /spec is not an object/],
    [(j) => (j["lineage"] = "FEEDBEEF"), /lineage is not eight hex digits/],
    [
      (j) => (((j["spec"] as Json)["entry"] as Json)["init"] = "yes"),
      /spec\.entry\.init is not true or false/,
    ],
  ];
  for (const [change, why] of cases) {
    const found = decode(forged(change));
    assert.equal(found.kind, "corrupt");
    assert.match(found.kind === "corrupt" ? found.why : "", why);
  }
});

test("what a later version adds is let through", () => {
  const found = decode(forged((j) => (j["added"] = { later: true })));
  assert.equal(found.kind, "record");
});

test("a record without what is optional", () => {
  const { previous: _, appliedAt: __, ...rest } = RECORD;
  const spec = {
    ...RECORD.spec,
    limits: {},
    tmpfs: [],
    overlay: { upper: { kind: "none" as const }, options: {} },
  };
  const small = { ...rest, spec, pid: 7 };
  assert.deepEqual(decode(encode(small)), { kind: "record", record: small });
});
