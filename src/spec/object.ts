import { nearest } from "#model/nearest";
import { alternatives, fail, isNothing, readAt, suggestion, type At, type Shape } from "./shape.ts";
import type { Node, Pair } from "./tree.ts";

type Field<T, Needed extends boolean> = {
  readonly shape: Shape<T>;
  readonly doc: string;
  readonly needed: Needed;
  readonly example?: string;
};
type Fields = { readonly [key: string]: Field<unknown, boolean> };
type Value<F> = F extends Field<infer T, boolean> ? T : never;
type NeededKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, true> ? K : never;
}[keyof F];

/** What an object with these fields is read into: absent keys stay absent. */
export type ObjectOf<F extends Fields> = { readonly [K in NeededKeys<F>]: Value<F[K]> } & {
  readonly [K in Exclude<keyof F, NeededKeys<F>>]?: Value<F[K]>;
};

/** A key that must be there. `doc` says what it is for, `example` what to write. */
export function need<T>(shape: Shape<T>, doc: string, example: string): Field<T, true> {
  return { shape, doc, needed: true, example };
}

/** A key that may be there. */
export function may<T>(shape: Shape<T>, doc: string): Field<T, false> {
  return { shape, doc, needed: false };
}

type ObjectOptions = {
  /** Keys that may hold anything. */
  readonly free?: RegExp;
  /** Groups of keys of which exactly one must be there, with what to call them. */
  readonly one?: { readonly of: readonly string[]; readonly what: string };
};

type Pairs = ReadonlyMap<string, Pair>;
const NO_PAIRS: Pairs = new Map();

/** A mapping with known keys; nothing written is an empty one. */
export function object<const F extends Fields>(
  what: string,
  fields: F,
  options: ObjectOptions = {},
): Shape<ObjectOf<F>> {
  const { free, one } = options;
  const keys = Object.keys(fields);
  const needed = keys.filter((key) => fields[key]!.needed);

  function read(node: Node, at: At): ObjectOf<F> | undefined {
    if (node.kind === "broken") return undefined;
    if (node.kind !== "mapping" && !isNothing(node)) {
      const write = `keys with values: ${needed[0] ?? keys[0]}: …`;
      return fail(at, node.range, "wrong_type", `not ${what}`, write);
    }
    const pairs = node.kind === "mapping" ? node.pairs : NO_PAIRS;
    const unknown = [...pairs.keys()].filter(
      (key) => !Object.hasOwn(fields, key) && free?.test(key) !== true,
    );
    for (const key of unknown)
      fail(at, pairs.get(key)!.key, "unknown_key", `unknown key "${key}"`, suggestion(key, keys));
    const complete = isComplete(node, pairs, unknown, at);
    const values = [...pairs]
      .filter(([key]) => Object.hasOwn(fields, key))
      .map(([key, { value }]) => [key, readAt(fields[key]!.shape, value, at, key)] as const);
    const good = complete && unknown.length === 0 && values.every(([, value]) => value !== undefined);
    return good ? (Object.fromEntries(values) as ObjectOf<F>) : undefined;
  }

  /** A key that is missing because it is misspelt is one mistake, not two. */
  function isComplete(node: Node, pairs: Pairs, unknown: readonly string[], at: At): boolean {
    const missing = needed.filter(
      (key) => !pairs.has(key) && !unknown.some((word) => nearest(word, keys) === key),
    );
    for (const key of missing)
      fail(at, node.range, "missing_key", `missing key "${key}"`, `such as ${key}: ${fields[key]!.example}`);
    if (one === undefined) return missing.length === 0;
    const [first, second] = one.of.filter((key) => pairs.has(key));
    const detail = `exactly one of ${alternatives(one.of)}`;
    if (first === undefined && unknown.length === 0)
      fail(at, node.range, "missing_key", `no ${one.what}`, detail);
    if (second !== undefined) fail(at, pairs.get(second)!.key, "conflict", `a second ${one.what}`, detail);
    return missing.length === 0 && first !== undefined && second === undefined;
  }

  const properties = Object.entries(fields).map(([key, { shape, doc }]) => [
    key,
    { description: doc, ...shape.schema },
  ]);
  const schema = {
    type: needed.length > 0 || one !== undefined ? "object" : ["object", "null"],
    properties: Object.fromEntries(properties),
    ...(free === undefined ? {} : { patternProperties: { [free.source]: {} } }),
    additionalProperties: false,
    ...(needed.length > 0 ? { required: needed } : {}),
    ...(one === undefined ? {} : { oneOf: one.of.map((key) => ({ required: [key] })) }),
  };
  return { read, schema };
}
