import type { AbsPath, EnvId } from "#model/brand";
import { absolute, baseName, join } from "#model/brand";
import { CALLED } from "#model/file-type";
import { failure } from "#model/diagnostic";
import { instanceOf, isEnvId, shownName } from "#model/identity";
import { nearest } from "#model/nearest";
import type { EnvRecord } from "#model/record";
import type { EnvFile } from "./load.ts";
import { envFile } from "./load.ts";
import type { ReadHost } from "./host.ts";
import { envIds, readableRecords, viewState } from "./state.ts";
import { strayGroups } from "./stray.ts";

/** What an argument names: a file, or only a record of this host (its file may be gone). */
export type Target = {
  readonly id: EnvId;
  readonly name: string;
  readonly file?: EnvFile;
  /** Beside web.yaml a web.yml, and neither was named: what works from the record does not care. */
  readonly twin?: EnvFile;
  readonly record?: EnvRecord;
};

const isPath = (arg: string): boolean =>
  arg.includes("/") || /\.ya?ml$/.test(arg) || arg === "." || arg === "..";
const isEnvFile = (name: string): boolean => /\.ya?ml$/.test(name) && !name.startsWith(".");

/** The environments that arguments name (contract, "Identity"); without arguments every file in ./envs. Each once, in the order named. */
export function select(host: ReadHost, args: readonly string[]): readonly Target[] {
  const found =
    args.length === 0
      ? everyFile(host, join(host.cwd, "envs"), "envs")
      : args.flatMap((arg) => (isPath(arg) ? byPath(host, arg) : [byName(host, arg)]));
  for (const { id, file } of found) {
    const other = found.find((t) => t.id === id && t.file?.file !== file?.file)?.file;
    if (file !== undefined && other !== undefined) throw sameName(file, other);
  }
  return [...new Map(found.map((t) => [t.id, t])).values()];
}

/** The environment that one argument names. @throws Failure 3, also where it is a directory of several */
export function selectOne(host: ReadHost, args: readonly string[]): Target {
  const [target, ...more] = select(host, args);
  if (more.length === 0) return target!;
  const files = [target!, ...more].map(({ name, file }) => file?.display ?? name);
  throw failure(3, "ambiguous", `${args[0]} holds ${files.length} environments`, {
    hint: `Name one: ${files.slice(0, MOST_NAMED).join(", ")}${files.length > MOST_NAMED ? ", …" : ""}`,
  });
}

/** web.yaml beside web.yml: one name, one directory, hence one environment. */
function sameName(one: EnvFile, other: EnvFile): Error {
  const files = [one.display, other.display].sort().join(" and ");
  return failure(3, "ambiguous", `${files} are the same environment`, {
    detail: one.id,
    hint: "Rename or remove one of them.",
  });
}

function everyFile(host: ReadHost, dir: AbsPath, display: string): readonly Target[] {
  const names = (host.reader.listAny(dir) ?? []).filter(isEnvFile).sort();
  if (names.length === 0) {
    throw failure(3, "no_environment", `no environment files in ${display}/`, {
      hint: "Name a file or an environment, change directory with -C DIR, or begin with envctl init.",
    });
  }
  return names.flatMap((name) => fileTarget(host, join(dir, name), `${display}/${name}`) ?? []);
}

function byPath(host: ReadHost, arg: string): readonly Target[] {
  const path = absolute(host.cwd, arg);
  if (host.reader.stat(path)?.type === "dir") return everyFile(host, path, arg.replace(/\/+$/, ""));
  const target = fileTarget(host, path, arg);
  if (target !== undefined) return [target];
  const gone = readableRecords(host).find((r) => r.file === path);
  if (gone !== undefined) return [{ id: gone.id, name: gone.name, record: gone }];
  throw failure(3, "no_environment", `no such file: ${arg}`);
}

function fileTarget(host: ReadHost, path: AbsPath, display: string): Target | undefined {
  const file = envFile(host, path, display);
  const type = file === undefined ? host.reader.stat(path)?.type : undefined;
  if (type !== undefined && type !== "dir")
    throw failure(3, "no_environment", `${display} is ${CALLED[type]}`, {
      hint: "An environment is a regular file.",
    });
  return file === undefined ? undefined : { id: file.id, name: file.name, file };
}

/** What a command typed here has to call an environment of this host: its name, or its id where that names another one, too. */
export function calledHere(host: ReadHost): (env: { readonly id: EnvId; readonly name: string }) => string {
  const records = readableRecords(host);
  return ({ id, name }) => {
    const files = [`${name}.yaml`, `${name}.yml`].flatMap(
      (file) => envFile(host, join(host.cwd, "envs", file), file) ?? [],
    );
    const named = files.length > 0 ? files : records.filter((r) => shownName(r) === name);
    return named.every((other) => other.id === id) ? name : id;
  };
}

function byName(host: ReadHost, arg: string): Target {
  const [target, other] = [`${arg}.yaml`, `${arg}.yml`].flatMap(
    (name) => fileTarget(host, join(host.cwd, "envs", name), `envs/${name}`) ?? [],
  );
  if (target !== undefined) return { ...target, ...(other?.file === undefined ? {} : { twin: other.file }) };
  const records = readableRecords(host);
  const matches = records.filter((r) => r.id === arg || shownName(r) === arg);
  const [match, ...others] = matches;
  if (match !== undefined && others.length === 0) return ofRecord(host, match);
  if (match !== undefined) {
    const ids = matches.map((r) => `  ${r.id}  ${r.file}`).join("\n");
    throw failure(3, "ambiguous", `${arg} names ${matches.length} environments of this host`, {
      detail: ids,
      hint: "Name one by its id or its file.",
    });
  }
  const unreadable = envIds(host, viewState(host)).find((id) => id === arg);
  if (unreadable !== undefined) return { id: unreadable, name: unreadable };
  // A group without a record and a directory: drift names it, and destroy has to find it by that name.
  if (isEnvId(arg) && strayGroups(host, viewState(host)).has(arg)) return { id: arg, name: arg };
  throw failure(
    3,
    "no_environment",
    `no environment "${arg}" in envs/ or on this host`,
    suggestion(host, arg, records),
  );
}

function ofRecord(host: ReadHost, record: EnvRecord): Target {
  const file = envFile(host, record.file, record.file);
  return { id: record.id, name: record.name, record, ...(file === undefined ? {} : { file }) };
}

/** Names that help somebody who mistook one. */
const MOST_NAMED = 6;

function suggestion(host: ReadHost, arg: string, records: readonly EnvRecord[]): { hint?: string } {
  const files = (host.reader.listAny(join(host.cwd, "envs")) ?? [])
    .filter(isEnvFile)
    .map((f) => baseName(f).replace(/\.ya?ml$/, ""));
  if (host.reader.stat(absolute(host.cwd, arg)) !== undefined)
    return { hint: `Did you mean the path? With a slash: ./${arg}` };
  const names = [...new Set([...files, ...records.map((r) => r.name)])].sort();
  const near = nearest(arg, names);
  if (near !== undefined) return { hint: `Did you mean "${near}"?` };
  if (names.length === 0) return { hint: "Write one: envctl init NAME" };
  const more = names.length > MOST_NAMED ? `, and ${names.length - MOST_NAMED} more` : "";
  return { hint: `Known: ${names.slice(0, MOST_NAMED).join(", ")}${more}.` };
}

/** The files of targets; an environment whose file is gone cannot be planned, only destroyed. @throws Failure 3 */
export function filesOf(targets: readonly Target[]): readonly EnvFile[] {
  return targets.map(({ file, twin, record, id }) => {
    const env = instanceOf(id);
    if (env !== undefined)
      throw failure(
        3,
        "no_environment",
        `${id} is a throwaway instance, which nothing applies or runs again`,
        {
          hint: `Name its environment, ${env}, or take it away: envctl destroy ${id}`,
        },
      );
    if (file !== undefined && twin !== undefined) throw sameName(file, twin);
    if (file !== undefined) return file;
    throw failure(
      3,
      "no_environment",
      `the file of ${id} is gone${record === undefined ? "" : `: ${record.file}`}`,
      { hint: `envctl destroy ${id}` },
    );
  });
}
