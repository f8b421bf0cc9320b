import type { DiagnosticCode } from "#model/diagnostic";
import type { Range } from "./lines.ts";
import { alternatives, fail, isNothing, readAt, suggestion, type At, type Shape } from "./shape.ts";
import type { Node } from "./tree.ts";

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

/** A mapping with known keys; nothing written is an empty one. */
export function object<const F extends Fields>(
  what: string,
  fields: F,
  options: ObjectOptions = {},
): Shape<ObjectOf<F>> {
  const { free, one } = options;
  const keys = Object.keys(fields);
  const needed = keys.filter((key) => fields[key]!.needed);
  const isFree = (key: string): boolean => free?.test(key) === true;

  function read(node: Node, at: At): ObjectOf<F> | undefined {
    if (node.kind === "broken") return undefined;
    if (node.kind !== "mapping" && !isNothing(node))
      return fail(
        at,
        node.range,
        "wrong_type",
        `not ${what}`,
        `keys with values: ${needed[0] ?? keys[0]}: …`,
      );
    const pairs = node.kind === "mapping" ? node.pairs : new Map<never, never>();
    let good = true;
    const wrong = (...args: [range: Range, code: DiagnosticCode, summary: string, detail: string]): void => {
      good = false;
      fail(at, ...args);
    };
    const values: [string, unknown][] = [];
    for (const [key, { key: place, value }] of pairs) {
      if (isFree(key)) continue;
      if (!Object.hasOwn(fields, key)) {
        wrong(place, "unknown_key", `unknown key "${key}"`, suggestion(key, keys));
        continue;
      }
      const read = readAt(fields[key]!.shape, value, at, key);
      if (read === undefined) good = false;
      values.push([key, read]);
    }
    for (const key of needed) {
      if (!pairs.has(key))
        wrong(node.range, "missing_key", `missing key "${key}"`, `such as ${key}: ${fields[key]!.example}`);
    }
    if (one !== undefined) {
      const [first, second] = one.of.filter((key) => pairs.has(key));
      const detail = `exactly one of ${alternatives(one.of)}`;
      if (first === undefined) wrong(node.range, "missing_key", `no ${one.what}`, detail);
      if (second !== undefined) wrong(pairs.get(second)!.key, "conflict", `a second ${one.what}`, detail);
    }
    return good ? (Object.fromEntries(values) as ObjectOf<F>) : undefined;
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
