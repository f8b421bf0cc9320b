import type { DiagnosticCode } from "#model/diagnostic";
import { alternatives, fail, suggestion, type At, type JsonSchema, type Shape } from "./shape.ts";
import { readText, type Text } from "./text.ts";
import type { Node } from "./tree.ts";

/** A value that is refused, by a pure function that knows nothing of places. */
export class Complaint {
  readonly summary: string;
  readonly detail: string | undefined;
  readonly code: DiagnosticCode;
  constructor(summary: string, detail?: string, code: DiagnosticCode = "bad_value") {
    this.summary = summary;
    this.detail = detail;
    this.code = code;
  }
}

/**
 * What is taken from the file: `text` is a string (a plain 12 or true is none), `source` any scalar as it is written, `bare` a number or
 * boolean without quotes. What came from a substitution is taken in any case.
 */
export type Takes = "text" | "source" | "bare";

type Kind<T> = {
  /** With its article: `a size`. */
  readonly what: string;
  /** What to write instead. */
  readonly write: string;
  readonly takes?: Takes;
  readonly code?: DiagnosticCode;
  /** Without substitution. */
  readonly fixed?: true;
  readonly schema: JsonSchema;
  /** Undefined: it is not `what`. */
  readonly parse: (text: string) => T | Complaint | undefined;
};

/** YAML 1.2's core schema: what a plain scalar is read as if not as text. */
const NOT_TEXT =
  /^(true|True|TRUE|false|False|FALSE|[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+|[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$/;
const VARIABLE: JsonSchema = { type: "string", pattern: "\\$\\{" };

/** A shape for one scalar. Its JSON Schema allows a `${…}` in place of anything. */
export function scalar<T>(kind: Kind<T>): Shape<T> {
  const { what, write, code = "bad_value", fixed = false, schema } = kind;
  function read(node: Node, at: At): T | undefined {
    const text = readText(node, at, what, write, fixed);
    if (text === undefined) return undefined;
    const said = text.substituted ? `${write} (it came out as ${brief(text.text)})` : write;
    const value = mistyped(text, kind) ?? kind.parse(text.text);
    if (value === undefined) return fail(at, text.range, code, `not ${what}`, said);
    if (value instanceof Complaint)
      return fail(at, text.range, value.code, value.summary, value.detail ?? said);
    return value;
  }
  return {
    read,
    schema: fixed || schema === STRING || schema === ANY ? schema : { anyOf: [schema, VARIABLE] },
  };
}

export const STRING: JsonSchema = { type: "string" };
/** A scalar whose source text counts: YAML may call it a number or a boolean. */
export const ANY: JsonSchema = { type: ["string", "number", "boolean"] };

/** Goes by what is written: a text with `${…}` in it is never a number. */
function mistyped<T>({ written }: Text, { what, takes = "text", parse }: Kind<T>): Complaint | undefined {
  const { plain, text } = written;
  if (takes === "text" && plain && NOT_TEXT.test(text))
    return new Complaint(`not ${what}`, `put it in quotes: "${text}"`, "wrong_type");
  if (takes !== "bare" || plain) return undefined;
  const value = parse(text);
  const fits = value !== undefined && !(value instanceof Complaint);
  return fits ? new Complaint(`not ${what}`, `write it without quotes: ${text}`, "wrong_type") : undefined;
}

const brief = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** One of a few words. */
export function choice<const W extends string>(words: readonly W[], more: string = ""): Shape<W> {
  const all = alternatives(words);
  return scalar({
    what: all,
    write: `write ${all}${more}`,
    takes: "source",
    schema: { enum: words },
    parse: (text) => words.find((word) => word === text) ?? misspelt(text, all, words),
  });
}

function misspelt(text: string, all: string, words: readonly string[]): Complaint | undefined {
  const detail = suggestion(text, words);
  return detail.startsWith("did") ? new Complaint(`not ${all}`, detail) : undefined;
}

export const boolean: Shape<boolean> = scalar({
  what: "true or false",
  write: "write true or false",
  takes: "bare",
  code: "wrong_type",
  schema: { type: "boolean" },
  parse: (text) =>
    /^(true|True|TRUE)$/.test(text) ? true : /^(false|False|FALSE)$/.test(text) ? false : undefined,
});

/** A whole number within bounds. */
export function integer(minimum: number, maximum: number): Shape<number> {
  return scalar({
    what: "a whole number",
    write: `a whole number from ${minimum} to ${maximum}`,
    takes: "bare",
    schema: { type: "integer", minimum, maximum },
    parse(text) {
      if (!/^\+?\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= minimum && value <= maximum
        ? value
        : new Complaint("out of range", `${minimum} to ${maximum}`);
    },
  });
}
