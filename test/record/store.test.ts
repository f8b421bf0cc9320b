import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { placeOf } from "#model/identity";
import type { RecordState } from "#model/observed";
import type { State } from "#record/state";
import { listIds, readRecord, recordPath, removeRecord, writeRecord } from "#record/store";
import { FakeKernel } from "#test/fake-kernel";
import { ID, LINEAGE, RECORD } from "./fixture.ts";

const STATE: State = { dir: "/state" as AbsPath, lineage: LINEAGE };
const PATH = recordPath(STATE.dir, ID);

function host(): FakeKernel {
  const k = new FakeKernel();
  k.disk.dir("/state/envs", 0o700);
  k.disk.dir(placeOf(STATE.dir, ID).dir, 0o700);
  return k;
}

function bad(found: RecordState): { why: string; hint: string } {
  assert.equal(found.kind, "bad");
  return found as RecordState & { kind: "bad" };
}

test("none, written, read back, taken away", () => {
  const k = host();
  assert.deepEqual(readRecord(k.reader, STATE, ID), { kind: "none" });
  assert.deepEqual(readRecord(k.reader, STATE, "other-0123abcd" as EnvId), { kind: "none" });
  writeRecord(k, STATE.dir, RECORD);
  assert.deepEqual(readRecord(k.reader, STATE, ID), { kind: "valid", record: RECORD });
  assert.deepEqual(k.calls, [`replaceFile ${PATH}`]);
  removeRecord(k, STATE.dir, ID);
  assert.deepEqual(listIds(k.reader, STATE.dir), []);
  k.calls.length = 0;
  removeRecord(k, STATE.dir, ID);
  assert.deepEqual(k.calls, [], "what is gone is fine");
});

test("the directory stays while anything else is in it", () => {
  const k = host();
  writeRecord(k, STATE.dir, RECORD);
  k.disk.file(`${placeOf(STATE.dir, ID).upper}/work`);
  assert.throws(
    () => removeRecord(k, STATE.dir, ID),
    (error) => error instanceof KernelError && error.errno === "ENOTEMPTY",
  );
  assert.notEqual(k.disk.node(`${placeOf(STATE.dir, ID).upper}/work` as AbsPath), undefined);
});

test("F13 corrupt, truncated or newer: refused, untouched, and a way out is said", () => {
  const k = host();
  writeRecord(k, STATE.dir, RECORD);
  const text = k.reader.text(PATH);
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    [
      text.slice(0, 200),
      /no JSON/,
      /set it aside: mv \S+env\.json \S+\/web-0123abcd\.json && envctl destroy web-0123abcd$/,
    ],
    ["", /it is empty/, /envctl destroy/],
    [text.replace("applied", "kept"), /checksum/, /envctl destroy/],
    [
      text.replace("record/1", "record/9"),
      /newer envctl \(envctl\.record\/9, version 0\.1\.0\)/,
      /use that version/,
    ],
  ];
  for (const [content, why, hint] of cases) {
    k.disk.file(PATH, content, 0o600);
    k.calls.length = 0;
    const found = bad(readRecord(k.reader, STATE, ID));
    assert.match(found.why, why);
    assert.match(found.hint, hint);
    assert.equal(k.reader.text(PATH), content);
    assert.deepEqual(k.calls, []);
  }
});

test("a record of another state directory, or of another environment, was copied there", () => {
  const k = host();
  writeRecord(k, STATE.dir, RECORD);
  assert.match(
    bad(readRecord(k.reader, { ...STATE, lineage: "0badf00d" as Lineage }, ID)).why,
    /another state directory \(lineage feedbeef, not 0badf00d\)/,
  );
  k.disk.file("/state/envs/copy-0123abcd/env.json", k.reader.text(PATH), 0o600);
  assert.match(
    bad(readRecord(k.reader, STATE, "copy-0123abcd" as EnvId)).why,
    /it is the record of web-0123abcd/,
  );
});

test("nothing is believed that somebody else could have put there", () => {
  const k = host();
  writeRecord(k, STATE.dir, RECORD);
  const text = k.reader.text(PATH);
  const node = k.disk.node(PATH)!;
  node.mode = 0o620;
  assert.match(bad(readRecord(k.reader, STATE, ID)).why, /can be written by others \(mode 620\)/);
  node.mode = 0o600;
  node.uid = 1000;
  assert.match(bad(readRecord(k.reader, STATE, ID)).why, /belongs to user 1000/);
  k.disk.nodes.delete(`8:1 ${PATH}`);
  k.disk.file("/tmp/mine", text);
  k.disk.link(PATH, "/tmp/mine");
  assert.match(bad(readRecord(k.reader, STATE, ID)).why, /is a symlink/);
  k.disk.nodes.delete(`8:1 ${PATH}`);
  k.disk.file(PATH, text, 0o600);
  k.disk.node(placeOf(STATE.dir, ID).dir)!.mode = 0o777;
  assert.match(bad(readRecord(k.reader, STATE, ID)).why, /can be written by others/);
});

test("ids: environments and instances; other names are not ours", () => {
  const k = host();
  for (const name of ["web-0123abcd.r2", "api-00000001", "notes", "web-0123abcd.r0", "lost+found"])
    k.disk.dir(`/state/envs/${name}`);
  assert.deepEqual(listIds(k.reader, STATE.dir), ["api-00000001", "web-0123abcd", "web-0123abcd.r2"]);
  assert.deepEqual(listIds(k.reader, "/nowhere" as AbsPath), []);
});
