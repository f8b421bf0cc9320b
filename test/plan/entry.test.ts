import assert from "node:assert/strict";
import test from "node:test";
import type { Entry } from "#model/spec";
import { decideEntry, withoutValues } from "#plan/entry";
import { record } from "./fixture.ts";

const entry: Entry = {
  command: ["make", "test"],
  env: {
    CI: { kind: "literal", value: "1" },
    TOKEN: { kind: "variable", value: "s3cret" },
    USER: { kind: "passthrough" },
  },
  workdir: "/work",
  hostname: "web",
  network: "none",
  init: false,
  capabilities: { drop: ["NET_RAW"], add: [] },
};

const applied = (was: Entry): ReturnType<typeof record> =>
  record([], { spec: { entry: withoutValues(was) } as ReturnType<typeof record>["spec"] });

const changed = (now: Partial<Entry>): unknown => {
  const [action, ...more] = decideEntry("web", { ...entry, ...now }, applied(entry));
  assert.deepEqual(more, []);
  return action?.op === "update" ? action.changes : action;
};

test("an entry that is the same is no action, whatever its variables hold and however its keys are ordered", () => {
  assert.equal(changed({}), undefined);
  assert.equal(changed({ env: { ...entry.env, TOKEN: { kind: "variable", value: "another" } } }), undefined);
  assert.equal(changed({ env: Object.fromEntries(Object.entries(entry.env).reverse()) }), undefined);
  assert.equal(changed({ capabilities: { add: [], drop: ["NET_RAW"] } }), undefined);
});

test("the hostname is the overlay's business", () => {
  assert.equal(changed({ hostname: "other" }), undefined);
});

test("a check is shown as a file has it", () => {
  const file = { probe: { kind: "file", path: "/up" }, timeoutMs: 1500 } as const;
  assert.deepEqual(changed({ ready: file }), [
    { path: "ready", before: null, after: { file: "/up", timeout: "1.5s" } },
  ]);
});

test("what differs is told field by field, and nothing of a variable but that it is set", () => {
  assert.deepEqual(changed({ command: ["make"], user: "1000" }), [
    { path: "command", before: ["make", "test"], after: ["make"] },
    { path: "user", before: null, after: "1000" },
  ]);
  const env: Entry["env"] = { ...entry.env, CI: { kind: "variable", value: "s3cret" } };
  const shown = { CI: "1", TOKEN: "(set)", USER: "(passed through)" };
  assert.deepEqual(changed({ env }), [{ path: "env", before: shown, after: { ...shown, CI: "(set)" } }]);
  assert.ok(!JSON.stringify(decideEntry("web", { ...entry, env }, applied(entry))).includes("s3cret"));
});

test("without a record, and over one whose upper alone is kept, there is nothing to compare", () => {
  const other = { ...entry, command: ["true"] };
  assert.deepEqual(decideEntry("web", other, undefined), []);
  assert.deepEqual(decideEntry("web", other, { ...applied(entry), phase: "kept" }), []);
  assert.deepEqual(decideEntry("web", undefined, applied(entry)), []);
});
