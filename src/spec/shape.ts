import type { DiagnosticCode } from "#model/diagnostic";
import { nearest } from "#model/nearest";
import type { SpecPath } from "#model/spec";
import type { Lookup } from "./expand.ts";
import type { Range } from "./lines.ts";
import type { Problem } from "./problem.ts";
import type { Node } from "./tree.ts";

export type JsonSchema = { readonly [key: string]: unknown };

/**
 * One part of the language, said once: how it is read and what its JSON Schema is. `read` answers undefined after it has reported why;
 * mistakes beside each other are all reported.
 */
export type Shape<T> = {
  readonly read: (node: Node, at: At) => T | undefined;
  readonly schema: JsonSchema;
};

/** What the readers of one file share. */
export type Job = {
  readonly report: (problem: Problem) => void;
  readonly lookup: Lookup;
  /** Remembers where a part of the file is written. */
  readonly mark: (path: SpecPath, range: Range) => void;
  /** Remembers what a part was read into, for a draft of a file with mistakes. */
  readonly keep: (path: SpecPath, value: unknown) => void;
  readonly lineOf: (range: Range) => number;
  /** The name that the file's own name asks for. */
  readonly name: string;
  /** Mount points so far, with the place that claimed them. */
  readonly targets: Map<string, Range>;
};

/** The job and the way from the top of the file to the value that is read. */
export type At = { readonly job: Job; readonly path: SpecPath };

/** Reports, and answers undefined so that a reader can return it. */
export function fail(
  at: At,
  range: Range,
  code: DiagnosticCode,
  summary: string,
  detail?: string,
): undefined {
  at.job.report({ range, code, summary, ...(detail === undefined ? {} : { detail }) });
  return undefined;
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** A reader that goes on with the value another one read. */
export function convert<T, U>(
  shape: Shape<T>,
  into: (value: T, node: Node, at: At) => U | undefined,
): Shape<U> {
  const read = (node: Node, at: At): U | undefined => {
    const value = shape.read(node, at);
    return value === undefined ? undefined : into(value, node, at);
  };
  return { schema: shape.schema, read };
}

/** A short form written as a scalar, and a long one. */
export function either<T, U>(short: Shape<T>, long: Shape<U>): Shape<T | U> {
  return {
    schema: { anyOf: [short.schema, long.schema] },
    read: (node, at) => (node.kind === "scalar" ? short : long).read(node, at),
  };
}

/** Nothing is written where a value could be: `volumes:` with all items commented out. */
export function isNothing(node: Node): boolean {
  return node.kind === "scalar" && node.plain && /^(~|null|Null|NULL)?$/.test(node.text);
}

/** A list of `least` items or more; nothing written is an empty one. `example` is what a list of these may look like. */
export function list<T>(item: Shape<T>, example: string, least = 0): Shape<readonly T[]> {
  const type = least > 0 ? { type: "array", minItems: least } : { type: ["array", "null"] };
  return {
    schema: { ...type, items: item.schema },
    read(node, at) {
      if (node.kind === "broken") return undefined;
      const items = isNothing(node) ? [] : node.kind === "list" ? node.items : undefined;
      if (items === undefined) return fail(at, node.range, "wrong_type", "not a list", `a list: ${example}`);
      if (items.length < least)
        return fail(at, node.range, "bad_value", "an empty list", `such as ${example}`);
      const values = items.map((it, i) => readAt(item, it, at, i));
      return values.includes(undefined) ? undefined : (values as T[]);
    },
  };
}

/** Reads a part and remembers its place. */
export function readAt<T>(shape: Shape<T>, node: Node, at: At, key: string | number): T | undefined {
  const path = [...at.path, key];
  at.job.mark(path, node.range);
  const value = shape.read(node, { job: at.job, path });
  if (value !== undefined) at.job.keep(path, value);
  return value;
}

/** What to say of a word that is none of those known. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? `known: ${known.join(", ")}` : `did you mean "${near}"?`;
}
