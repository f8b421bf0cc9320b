import type { AbsPath, EnvId } from "#model/brand";
import { baseName, parentOf } from "#model/brand";
import type { Diagnostic } from "#model/diagnostic";
import { failure } from "#model/diagnostic";
import type { Facts, Issue } from "#model/facts";
import { envId } from "#model/identity";
import type { EnvRecord } from "#model/record";
import type { Resource } from "#model/resource";
import type { Spec, SpecPath } from "#model/spec";
import { desired } from "#desired/desired";
import { resolve } from "#resolve/resolve";
import type { ReadHost } from "./host.ts";

/** An environment file on this host: where it lies and what it says. */
export type EnvFile = {
  /** Real path of its directory, with its own name: what the id is made from. */
  readonly file: AbsPath;
  /** As the user named it. */
  readonly display: string;
  readonly name: string;
  readonly id: EnvId;
};

export type Loaded = EnvFile & {
  readonly text: string;
  readonly spec: Spec;
  readonly variables: readonly { readonly name: string; readonly value?: string }[];
  /** False where the record's normalised form was taken, in which values of variables are left out. */
  readonly parsed: boolean;
};

export type Declared = {
  readonly loaded: Loaded;
  readonly facts: Facts;
  readonly resources: readonly Resource[];
  readonly warnings: readonly Diagnostic[];
};

type Locate = (path: SpecPath) => Pick<Diagnostic, "span" | "text">;

/** Names an existing file as an environment; undefined where nothing is there. */
export function envFile(host: ReadHost, path: AbsPath, display: string): EnvFile | undefined {
  const dir = host.reader.realpath(parentOf(path));
  if (dir === undefined || host.reader.stat(path)?.type !== "file") return undefined;
  const name = baseName(path).replace(/\.ya?ml$/, "");
  return {
    file: `${dir === "/" ? "" : dir}/${baseName(path)}` as AbsPath,
    display,
    name,
    id: envId(name, host.reader.sha256(dir)),
  };
}

/** sha256 of salt and value: what a record keeps of a variable. */
export function variableHash(host: ReadHost, salt: string, value: string): string {
  return host.reader.sha256(`${salt}\0${value}`);
}

/**
 * What a file says. Where its bytes, its variables and this version equal the record's, nothing is parsed and the parser not even loaded.
 * Answers diagnostics instead of a Spec where the file is wrong.
 */
export async function load(
  host: ReadHost,
  env: EnvFile,
  record?: EnvRecord,
  fresh = false,
): Promise<Loaded | readonly Diagnostic[]> {
  const text = readText(host, env);
  if (record !== undefined && !fresh && isRecorded(host, text, record)) {
    return {
      ...env,
      text,
      spec: record.spec,
      variables: record.variables.map(({ name }) => named(host, name)),
      parsed: false,
    };
  }
  const { parse } = await import("#spec/parse");
  const parsed = parse({ text, file: env.display, fileName: baseName(env.file), variables: host.variable });
  if (parsed.spec === undefined) return parsed.diagnostics;
  return {
    ...env,
    text,
    spec: parsed.spec,
    variables: parsed.variables.map((name) => named(host, name)),
    parsed: true,
  };
}

function named(host: ReadHost, name: string): { name: string; value?: string } {
  const value = host.variable(name);
  return value === undefined ? { name } : { name, value };
}

function isRecorded(host: ReadHost, text: string, record: EnvRecord): boolean {
  return (
    record.text === text &&
    record.version === host.version &&
    record.variables.every(({ name, hash }) => {
      const value = host.variable(name);
      return value === undefined ? hash === undefined : hash === variableHash(host, record.salt, value);
    })
  );
}

function readText(host: ReadHost, env: EnvFile): string {
  const text = host.reader.textAny(env.file);
  if (text === undefined) throw failure(3, "no_environment", `no such file: ${env.display}`);
  return text;
}

/** A file held against this host: resources, or everything that is wrong with it, pointed at. */
export async function declare(
  host: ReadHost,
  env: EnvFile,
  record?: EnvRecord,
): Promise<Declared | readonly Diagnostic[]> {
  const loaded = await load(host, env, record);
  if (isDiagnostics(loaded)) return loaded;
  const resolved = resolve(host.reader, loaded.spec, parentOf(env.file), host.state);
  const issues = resolved.kind === "facts" ? [] : resolved.issues;
  if (resolved.kind === "issues") return point(host, loaded, issues);
  return { loaded, facts: resolved.facts, resources: desired(loaded.spec, resolved.facts), warnings: [] };
}

/** Issues of the host with the line of the file that causes each, in the order of the file. */
export async function point(
  host: ReadHost,
  loaded: Loaded,
  issues: readonly Issue[],
): Promise<readonly Diagnostic[]> {
  const locate = await locator(host, loaded);
  const found = issues.map(({ path, severity, code, summary, detail }): Diagnostic => ({
    severity,
    code,
    summary,
    ...(detail === undefined ? {} : { detail }),
    file: loaded.display,
    ...locate(path),
  }));
  const place = ({ span }: Diagnostic): number => (span?.line ?? 0) * 1e6 + (span?.column ?? 0);
  return found.toSorted((a, b) => place(a) - place(b));
}

/** Says where in a file a part of it is written. */
export async function locator(host: ReadHost, { text, display, file }: Loaded): Promise<Locate> {
  const { parse } = await import("#spec/parse");
  return parse({ text, file: display, fileName: baseName(file), variables: host.variable }).locate;
}

/** A file that was wrong, as against what was made of a right one. */
export function isDiagnostics<T extends object>(
  result: T | readonly Diagnostic[],
): result is readonly Diagnostic[] {
  return Array.isArray(result);
}
