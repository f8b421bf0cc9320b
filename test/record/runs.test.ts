import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, EnvId } from "#model/brand";
import type { RunRecord } from "#model/detached";
import type { Reader } from "#ports/reader";
import { readRun, runFiles, runNumbers, writeRun } from "#record/runs";

const [STATE, ID] = ["/state" as AbsPath, "web-0123abcd" as EnvId];
const files = runFiles(STATE, ID, 3);
const record: RunRecord = {
  format: "envctl.run/1",
  id: ID,
  name: "web",
  number: 3,
  phase: "starting",
  command: ["sh", "-c", "echo ü\n"],
  workdir: "/work",
  user: { uid: 1000, gid: 44, groups: [7], home: "/home/ana", name: "ana" },
  boot: "b",
  startedAt: 12.5,
  supervisor: { pid: 50, start: "900" },
  entry: { pid: 51, start: "901" },
  cgroups: [{ dir: "/sys/fs/cgroup/x/3" as AbsPath, version: 2, controllers: ["memory"] }],
};

const holding = (text: string | undefined): Reader => ({ textAny: () => text }) as unknown as Reader;

test("a run is read back as it was written, which nothing waits for", () => {
  let written: readonly string[] = [];
  writeRun(
    { files: { replaceFile: (...args: readonly string[]) => (written = args) } as never },
    files,
    record,
  );
  assert.deepEqual([written[0], written[2]], ["/state/envs/web-0123abcd/runs/3/run.json", "passing"]);
  assert.deepEqual(readRun(holding(written[1]), files), record);
});

test("what cannot be read is no run: nothing, half of it, another shape", () => {
  const wrong = [
    undefined,
    "",
    JSON.stringify(record).slice(0, 40),
    "[]",
    JSON.stringify({ ...record, format: "envctl.run/2" }),
    JSON.stringify({ ...record, supervisor: { pid: "50", start: "900" } }),
    JSON.stringify({ ...record, cgroups: [{ dir: "relative", version: 2, controllers: [] }] }),
  ];
  for (const text of wrong) assert.equal(readRun(holding(text), files), undefined, text ?? "nothing");
});

test("runs are the numbers below runs/, in order", () => {
  const reader = { listAny: () => ["10", "2", "x", "01", "0", "1.tmp"] } as unknown as Reader;
  assert.deepEqual(runNumbers(reader, STATE, ID), [2, 10]);
  assert.deepEqual(runNumbers({ listAny: () => undefined } as unknown as Reader, STATE, ID), []);
});
