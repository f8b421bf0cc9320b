import type { AbsPath, EnvId } from "#model/brand";
import { baseName, parentOf } from "#model/brand";
import type { Diagnostic } from "#model/diagnostic";
import { failure } from "#model/diagnostic";
import type { Facts, Issue } from "#model/facts";
import { envId, placeOf } from "#model/identity";
import type { EnvRecord } from "#model/record";
import type { Resource } from "#model/resource";
import type { Draft, Spec } from "#model/spec";
import { desired } from "#desired/desired";
import { realState } from "#record/state";
import type { Ground } from "#resolve/ground";
import { resolve } from "#resolve/resolve";
import type { Parsed } from "#spec/parse";
import { callerOf } from "./caller.ts";
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
};

/** Names an existing file as an environment; undefined where nothing is there. */
export function envFile(host: ReadHost, path: AbsPath, display: string): EnvFile | undefined {
  const dir = host.reader.realpath(parentOf(path));
  if (dir === undefined || host.reader.stat(path)?.type !== "file") return undefined;
  const name = baseName(path).replace(/\.ya?ml$/, "");
  const file = `${dir === "/" ? "" : dir}/${baseName(path)}` as AbsPath;
  return { file, display, name, id: envId(name, host.reader.sha256(dir)) };
}

/** sha256 of salt and value: what a record keeps of a variable. */
export function variableHash(host: ReadHost, salt: string, value: string): string {
  return host.reader.sha256(`${salt}\0${value}`);
}

/**
 * A file held against this host: resources, or everything that is wrong with it, pointed at. Where its bytes, its variables and this
 * version equal the record's, nothing is parsed and the parser not even loaded.
 */
export async function declare(
  host: ReadHost,
  env: EnvFile,
  record?: EnvRecord,
): Promise<Declared | readonly Diagnostic[]> {
  host.lap("load");
  const text = readText(host, env);
  if (record !== undefined && isRecorded(host, text, record)) {
    const variables = record.variables.map(({ name }) => named(host, name));
    const declared = hold(host, { ...env, text, spec: record.spec, variables, parsed: false }, record);
    host.lap("parse");
    if (!isDiagnostics(declared)) return declared;
  }
  const parsed = await parseText(host, env, text);
  const variables = parsed.variables.map((name) => named(host, name));
  if (parsed.spec === undefined) return mistakes(env, parsed, issuesOf(host, env, parsed.draft, record));
  const declared = hold(host, { ...env, text, spec: parsed.spec, variables, parsed: true }, record);
  host.lap("parse");
  return isDiagnostics(declared) ? mistakes(env, parsed, declared) : declared;
}

/** Issues that came up later, pointed at in the file. */
export async function point(
  host: ReadHost,
  loaded: Loaded,
  issues: readonly Issue[],
): Promise<readonly Diagnostic[]> {
  return mistakes(loaded, await parseText(host, loaded, loaded.text), issues);
}

/** Says where in a file a part of it is written. */
export async function locator(host: ReadHost, loaded: Loaded): Promise<Parsed["locate"]> {
  return (await parseText(host, loaded, loaded.text)).locate;
}

/** The record leaves out what variables gave entry.env: such a file is read again before a launch. */
export async function withValues(host: ReadHost, loaded: Loaded): Promise<Loaded> {
  const stripped = !loaded.parsed && Object.values(loaded.spec.entry.env).some((v) => v.kind === "variable");
  if (!stripped) return loaded;
  const { spec } = await parseText(host, loaded, loaded.text);
  return spec === undefined ? loaded : { ...loaded, spec, parsed: true };
}

async function parseText(host: ReadHost, env: EnvFile, text: string): Promise<Parsed> {
  const { parse } = await import("#spec/parse");
  return parse({ text, file: env.display, fileName: baseName(env.file), variables: host.variable });
}

function hold(host: ReadHost, loaded: Loaded, record?: EnvRecord): Declared | readonly Issue[] {
  const resolved = resolve(host.reader, loaded.spec, groundOf(host, loaded, record));
  if (resolved.kind === "issues") return resolved.issues;
  return { loaded, facts: resolved.facts, resources: desired(loaded.spec, resolved.facts) };
}

function issuesOf(host: ReadHost, env: EnvFile, draft: Draft, record?: EnvRecord): readonly Issue[] {
  const resolved = resolve(host.reader, draft, groundOf(host, env, record));
  return resolved.kind === "issues" ? resolved.issues : [];
}

function groundOf(host: ReadHost, { file, id }: EnvFile, record?: EnvRecord): Ground {
  const state = realState(host.reader, host.state);
  const known = [...(record?.resources ?? []), ...(record?.previous ?? [])];
  return {
    base: parentOf(file),
    state,
    upper: placeOf(state, id).upper,
    caller: () => callerOf(host),
    known: known.flatMap((r) => (r.kind === "rootfs" || r.kind === "layer" ? [r.layer] : [])),
  };
}

/** What the text shows and what only the host shows, in the order of the file. */
function mistakes(env: EnvFile, parsed: Parsed, issues: readonly Issue[]): readonly Diagnostic[] {
  const pointed = issues.map(({ path, ...said }): Diagnostic => ({
    ...said,
    file: env.display,
    ...parsed.locate(path),
  }));
  const place = ({ span }: Diagnostic): number => (span === undefined ? 0 : span.line * 1e6 + span.column);
  return [...parsed.diagnostics, ...pointed].sort((a, b) => place(a) - place(b));
}

function named(host: ReadHost, name: string): { name: string; value?: string } {
  const value = host.variable(name);
  return value === undefined ? { name } : { name, value };
}

/** What works and still may hurt, pointed at. */
export async function warningsOf(
  host: ReadHost,
  { loaded, facts }: Declared,
): Promise<readonly Diagnostic[]> {
  return facts.warnings.length === 0 ? [] : point(host, loaded, facts.warnings);
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

/** A file that was wrong, as against what was made of a right one. */
export function isDiagnostics<T extends object, D extends object>(
  result: T | readonly D[],
): result is readonly D[] {
  return Array.isArray(result);
}
