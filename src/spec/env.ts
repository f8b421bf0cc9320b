import type { EnvValue } from "#model/spec";
import type { Range } from "./lines.ts";
import { STRING } from "./scalar.ts";
import { fail, list, readAt, type At, type JsonSchema, type Shape } from "./shape.ts";
import { readText } from "./text.ts";
import type { Node } from "./tree.ts";

/** `__proto__` as a key is no key in JavaScript: what a record says would be another thing when it is read again. */
const NAME = /^(?!__proto__$)[A-Za-z_][\w.-]*$/;
const FORM = "write NAME=value, or NAME alone to pass it through";

type EnvPair = readonly [name: string, value: EnvValue];

const value = (text: string, substituted: boolean): EnvValue => ({
  kind: substituted ? "variable" : "literal",
  value: text,
});

/** `NAME=value`, or a bare name that is taken over at launch. `seen` holds the names so far. */
function item(node: Node, at: At, seen: Set<string>): EnvPair | undefined {
  const text = readText(node, at, "a variable", FORM);
  if (text === undefined) return undefined;
  const [name = "", ...rest] = text.text.split("=");
  if (!NAME.test(name)) return fail(at, text.range, "bad_value", "not a variable", FORM);
  if (seen.has(name))
    return fail(at, text.range, "conflict", `a second variable ${name}`, "keep one of them");
  seen.add(name);
  at.job.mark([...at.path.slice(0, -1), name], text.range);
  return [name, rest.length === 0 ? { kind: "passthrough" } : value(rest.join("="), text.substituted)];
}

/** The map form: the value's source text, ~ and null too. Nothing written is a bare name, as in Compose. */
function entry(name: string, key: Range, node: Node, at: At): EnvPair | undefined {
  if (!NAME.test(name))
    return fail(at, key, "bad_value", "not a variable's name", "letters, digits and _ . -");
  if (node.kind === "scalar" && node.plain && node.text === "") return [name, { kind: "passthrough" }];
  const written: Node = node.kind === "scalar" ? { ...node, plain: false } : node;
  const read = (node: Node, at: At): EnvPair | undefined => {
    const text = readText(node, at, "text", "one value: a list or mapping cannot be handed over");
    return text && [name, value(text.text, text.substituted)];
  };
  return readAt({ schema: {}, read }, written, at, name);
}

const SCHEMA: JsonSchema = {
  anyOf: [
    { type: ["object", "null"], additionalProperties: { type: ["string", "number", "boolean", "null"] } },
    { type: "array", items: STRING },
  ],
};

/** A map or a list. Values keep their source text: 1.20 stays 1.20. */
export const env: Shape<Readonly<Record<string, EnvValue>>> = {
  schema: SCHEMA,
  read(node, at) {
    const seen = new Set<string>();
    const items = list({ schema: {}, read: (node, at) => item(node, at, seen) }, "[CI=1, TOKEN]");
    const pairs: readonly (EnvPair | undefined)[] | undefined =
      node.kind === "mapping"
        ? [...node.pairs].map(([name, pair]) => entry(name, pair.key, pair.value, at))
        : items.read(node, at);
    return pairs === undefined || pairs.includes(undefined)
      ? undefined
      : Object.fromEntries(pairs as EnvPair[]);
  },
};
