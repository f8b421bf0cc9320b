import type { AbsPath, EnvId } from "#model/brand";
import { join } from "#model/brand";
import { CALLED } from "#model/file-type";
import { isEnvId, placeOf } from "#model/identity";
import type { RecordState } from "#model/observed";
import type { EnvRecord } from "#model/record";
import { shell } from "#model/shell";
import type { Files } from "#ports/files";
import type { Reader } from "#ports/reader";
import { decode, encode } from "./encode.ts";
import type { State } from "./state.ts";

/** Where an environment's record lies. */
export function recordPath(state: AbsPath, id: EnvId): AbsPath {
  return join(placeOf(state, id).dir, "env.json");
}

/** Every environment and instance that has a directory here, with or without a record, by name. */
export function listIds(reader: Reader, state: AbsPath): readonly EnvId[] {
  return (reader.listAny(join(state, "envs")) ?? []).filter(isEnvId).sort();
}

/** Reads a record and believes nothing that somebody else could have put there (row F13). Never changes anything. */
export function readRecord(reader: Reader, state: State, id: EnvId): RecordState {
  const path = recordPath(state.dir, id);
  const dir = placeOf(state.dir, id).dir;
  const bad = (why: string, hint: string): RecordState => ({ kind: "bad", path, why, hint });
  const damaged = (why: string): RecordState => {
    const fix = `${shell(["mv", path, `${state.dir}/${id}.json`])} && envctl destroy ${id}`;
    return { kind: "bad", path, why, hint: `put a copy of it back, or set it aside: ${fix}`, fix };
  };
  const [dirStat, stat] = [reader.lstat(dir), reader.lstat(path)];
  if (dirStat === undefined) return { kind: "none" };
  const distrust = untrusted(reader, dir, dirStat, "dir") ?? (stat && untrusted(reader, path, stat, "file"));
  if (distrust !== undefined)
    return bad(distrust, `see who made it (ls -ld ${path} ${dir}); envctl trusts only what is its own`);
  const text = stat === undefined ? undefined : reader.textAny(path);
  if (text === undefined) return { kind: "none" };
  const decoded = decode(text);
  if (decoded.kind === "newer") {
    return bad(
      `it was written by a newer envctl (${decoded.format}, version ${decoded.version})`,
      "use that version, or a later one",
    );
  }
  if (decoded.kind === "corrupt") return damaged(decoded.why);
  const { record } = decoded;
  if (record.lineage !== state.lineage) {
    return damaged(
      `it belongs to another state directory (lineage ${record.lineage}, not ${state.lineage}): was it copied?`,
    );
  }
  return record.id === id ? { kind: "valid", record } : damaged(`it is the record of ${record.id}`);
}

function untrusted(
  reader: Reader,
  path: AbsPath,
  stat: NonNullable<ReturnType<Reader["lstat"]>>,
  type: "dir" | "file",
): string | undefined {
  if (stat.type !== type) return `${path} is ${CALLED[stat.type]}`;
  if (stat.uid !== reader.uid && stat.uid !== 0) return `${path} belongs to user ${stat.uid}`;
  return (stat.mode & 0o022) === 0
    ? undefined
    : `${path} can be written by others (mode ${stat.mode.toString(8)})`;
}

/**
 * The only writer of env.json: a crash leaves the old record or the new one. The directory exists. Of a running throwaway instance
 * nothing outlives the machine's crash that a record would be needed for, and syncing costs 2 ms: writing 0.5, removing what was synced the rest.
 */
export function writeRecord(
  { files }: { readonly files: Files },
  state: AbsPath,
  record: EnvRecord,
): Promise<void> | undefined {
  const [path, text] = [recordPath(state, record.id), encode(record)];
  if (record.phase !== "running") return files.replaceFileAside(path, text);
  files.replaceFile(path, text, "passing");
  return undefined;
}

/** Takes a record and the environment's directory away; what else is in the directory makes rmdir(2) refuse. */
export function removeRecord(
  ports: { readonly reader: Reader; readonly files: Files },
  state: AbsPath,
  id: EnvId,
): void {
  const path = recordPath(state, id);
  const { dir } = placeOf(state, id);
  if (ports.reader.lstat(dir) === undefined) return;
  ports.files.removeFile(path);
  ports.files.removeDir(dir);
}
