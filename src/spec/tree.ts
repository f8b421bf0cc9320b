import { isAlias, isMap, isScalar, isSeq, type Node as YamlNode, type Pair as YamlPair } from "yaml";
import type { Range } from "./lines.ts";
import type { Problem } from "./problem.ts";
import { compose } from "./syntax.ts";

/**
 * The file as plain data with places: aliases followed, merge keys merged, scalars as their source text. Nothing here knows what the keys
 * mean. `weight` counts the values below, those behind aliases each time.
 */
export type Node = Scalar | List | Mapping | Broken;

export type Scalar = {
  readonly kind: "scalar";
  readonly range: Range;
  readonly weight: number;
  /** What quotes, folds and escapes stand for; for a plain scalar what is written. */
  readonly text: string;
  /** Without quotes, so that it may mean a number, true, false or nothing. */
  readonly plain: boolean;
  /** Where in the file `text` stands letter by letter; absent where escapes or folds lie between. */
  readonly verbatim?: number;
};
export type List = {
  readonly kind: "list";
  readonly range: Range;
  readonly weight: number;
  readonly items: readonly Node[];
};
export type Mapping = {
  readonly kind: "mapping";
  /** A block mapping's first key, or a flow mapping with its braces. */
  readonly range: Range;
  readonly weight: number;
  readonly pairs: ReadonlyMap<string, Pair>;
};
export type Pair = { readonly key: Range; readonly value: Node };
/** Something that was reported already: whoever meets it stays silent. */
export type Broken = { readonly kind: "broken"; readonly range: Range; readonly weight: number };

/** More values than any sensible file has, few enough to be walked in no time. */
const MOST_VALUES = 10_000;
const MOST_LEVELS = 50;

/** The tree of a file. Without `root` the text is no YAML document at all; problems of both kinds come in the order found. */
export function grow(text: string): { readonly root?: Node; readonly problems: readonly Problem[] } {
  const { contents, problems } = compose(text);
  if (contents === undefined) return { problems };
  const found = [...problems];
  const root = contents === null ? undefined : grower(text, (problem) => found.push(problem))(contents, 0);
  return { ...(root === undefined ? {} : { root }), problems: found };
}

function grower(text: string, report: (problem: Problem) => void): (node: YamlNode, depth: number) => Node {
  const anchors = new Map<string, Node | "open">();
  let borrowed = 0;

  const bad = (range: Range, summary: string, detail: string): Broken => {
    report({ range, code: "yaml", summary, detail });
    return { kind: "broken", range, weight: 1 };
  };

  /** A value; where nothing is written after a key, `holder` is the place to point at. */
  function node(given: YamlNode | null, depth: number, holder?: Range): Node {
    const written: Range = given?.range ? [given.range[0], given.range[1]] : [0, 0];
    const range = written[0] === written[1] && holder !== undefined ? holder : written;
    if (given === null) return { kind: "scalar", range, weight: 1, text: "", plain: true };
    if (isAlias(given)) return alias(given.source, range);
    if (depth > MOST_LEVELS) return bad(range, "nested too deeply", `${MOST_LEVELS} levels at most`);
    const anchor = "anchor" in given ? given.anchor : undefined;
    if (anchor !== undefined) anchors.set(anchor, "open");
    const grown = isMap(given)
      ? mapping(given.items, given.flow === true, range, depth)
      : other(given, range, depth);
    if (anchor !== undefined) anchors.set(anchor, grown);
    return grown;
  }

  function other(given: YamlNode, range: Range, depth: number): Node {
    if (isSeq(given)) {
      const items = given.items.map((item) => node(item as YamlNode | null, depth + 1));
      return { kind: "list", range, weight: weigh(items), items };
    }
    if (!isScalar(given)) return bad(range, "not a value", "a file holds mappings, lists and scalars");
    const { source = "", type, tag } = given;
    const plain = type === "PLAIN" && tag !== "tag:yaml.org,2002:str";
    const at = type === "PLAIN" ? range[0] : range[0] + 1;
    const verbatim = text.startsWith(source, at) && !type?.startsWith("BLOCK") ? { verbatim: at } : {};
    return { kind: "scalar", range, weight: 1, text: source, plain, ...verbatim };
  }

  function mapping(items: readonly YamlPair[], flow: boolean, range: Range, depth: number): Mapping {
    const own = new Map<string, Pair>();
    const merged = new Map<string, Pair>();
    for (const item of items) {
      const key = item.key as YamlNode | null;
      const at: Range = key?.range ? [key.range[0], key.range[1]] : [range[0], range[0] + 1];
      if (!isScalar(key)) {
        bad(at, "a key must be text", "put it in quotes");
        continue;
      }
      const name = key.source ?? "";
      const value = node(item.value as YamlNode | null, depth + 1, at);
      if (name === "<<" && key.type === "PLAIN") merge(merged, value);
      else if (own.has(name))
        bad(at, `a second key "${name}"`, `the first is in line ${lineOf(text, own.get(name)!.key)}`);
      else own.set(name, { key: at, value });
    }
    for (const [name, pair] of merged) if (!own.has(name)) own.set(name, pair);
    const first = flow ? undefined : own.values().next().value?.key;
    let weight = 1;
    for (const { value } of own.values()) weight += value.weight;
    return { kind: "mapping", range: first ?? range, weight, pairs: own };
  }

  /** What `<<` brings: of several mappings the first that has a key gives it (YAML's merge key type). */
  function merge(into: Map<string, Pair>, value: Node): void {
    for (const source of value.kind === "list" ? value.items : [value]) {
      if (source.kind === "mapping") {
        for (const [name, pair] of source.pairs) if (!into.has(name)) into.set(name, pair);
      } else if (source.kind !== "broken") {
        bad(source.range, "not a mapping to merge", "<<: *anchor of a mapping, or a list of such");
      }
    }
  }

  /** A mistake in what an alias stands for is shown at the alias, mistakes deeper in it where they are. */
  function alias(name: string, range: Range): Node {
    const target = anchors.get(name);
    if (target === undefined) return bad(range, `no anchor "${name}"`, `write &${name} at a value above`);
    if (target === "open") return bad(range, "an alias within its own anchor", "nothing can hold itself");
    borrowed += target.weight;
    if (borrowed <= MOST_VALUES) return { ...target, range };
    borrowed -= target.weight;
    return bad(range, "aliases multiply too much", `they may stand for ${MOST_VALUES} values in all`);
  }

  return node;
}

const weigh = (nodes: readonly Node[]): number => nodes.reduce((sum, node) => sum + node.weight, 1);

const lineOf = (text: string, [start]: Range): number => text.slice(0, start).split("\n").length;
