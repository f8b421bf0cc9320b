import type { AbsPath, EnvId } from "#model/brand";
import { join } from "#model/brand";
import type { ProcessId, RunFiles, RunRecord } from "#model/detached";
import { placeOf } from "#model/identity";
import type { Files } from "#ports/files";
import type { Reader } from "#ports/reader";
import { list, matching, number, object, oneOf, path, text, whole, type Check } from "./shape.ts";

const start = matching(/^\d+$/, "a start time");
const process = object({ pid: whole, start });
const checkRun: Check = object({
  format: oneOf("envctl.run/1"),
  id: text,
  name: text,
  number: whole,
  phase: oneOf("starting", "started"),
  command: list(text),
  workdir: text,
  user: object({ uid: whole, gid: whole, groups: list(whole), home: text, name: text }),
  boot: text,
  startedAt: number,
  supervisor: process,
  entry: process,
  cgroups: list(object({ dir: path, version: oneOf(1, 2), controllers: list(text) })),
});

/** Where the detached runs of an environment lie. */
export function runsDir(state: AbsPath, id: EnvId): AbsPath {
  return join(placeOf(state, id).dir, "runs");
}

/** Where the files of one run lie; `number` as in `web/1`. None of them need exist. */
export function runFiles(state: AbsPath, id: EnvId, number: number): RunFiles {
  const dir = join(runsDir(state, id), `${number}`);
  const at = (name: string): AbsPath => join(dir, name);
  return {
    dir,
    record: at("run.json"),
    status: at("status"),
    signal: at("signal"),
    stdout: at("stdout"),
    stderr: at("stderr"),
  };
}

/** Numbers of the runs that have a directory, in order. */
export function runNumbers(reader: Reader, state: AbsPath, id: EnvId): readonly number[] {
  const names = reader.listAny(runsDir(state, id)) ?? [];
  return names
    .filter((name) => /^[1-9]\d{0,8}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** What is kept of a run; undefined where nothing is, or nothing that can be read: a crash of the machine may have emptied it. */
export function readRun(reader: Reader, files: RunFiles): RunRecord | undefined {
  try {
    const json: unknown = JSON.parse(reader.textAny(files.record) ?? "");
    return checkRun(json, "") === undefined ? (json as RunRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** Who waits, or waited, for the runs of an environment. */
export function supervisors(reader: Reader, state: AbsPath, id: EnvId): readonly ProcessId[] {
  const numbers = runNumbers(reader, state, id);
  return numbers.flatMap((number) => readRun(reader, runFiles(state, id, number))?.supervisor ?? []);
}

/** Nobody asks for it after a crash of the machine, which ends the run too: it need not be synced. */
export function writeRun({ files }: { readonly files: Files }, { record }: RunFiles, run: RunRecord): void {
  files.replaceFile(record, `${JSON.stringify(run)}\n`, "passing");
}
