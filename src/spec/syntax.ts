import { parseDocument, type ErrorCode, type Node as YamlNode, type YAMLError } from "yaml";
import type { Problem } from "./problem.ts";

/** Longer than any file written by hand; the parser takes a second for a few MiB. */
const MOST_CHARACTERS = 1024 * 1024;

/** What can be wrong without putting in doubt what the rest of the file means. */
const HARMLESS: readonly ErrorCode[] = ["TAG_RESOLVE_FAILED", "BAD_DIRECTIVE", "MULTIPLE_DOCS"];

/** What to write, by the parser's closed set of codes; its own sentence is the summary. */
const ADVICE: { readonly [code in ErrorCode]?: string } = {
  BAD_DIRECTIVE: "remove the line: files are YAML 1.2",
  BAD_DQ_ESCAPE: String.raw`in "…" a backslash starts an escape: write \\, or use '…'`,
  BAD_INDENT: "indent what belongs together by the same number of spaces, and close [ and {",
  BAD_SCALAR_START: "put it in quotes",
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " in one line: put the value in quotes, or begin it on its own line',
  MISSING_CHAR: "close what is open: quotes, [ or {",
  MULTILINE_IMPLICIT_KEY: 'a key and its ":" stand on one line',
  TAB_AS_INDENT: "indent with spaces",
  UNEXPECTED_TOKEN: "put a value with special characters in quotes",
};

/** Not allowed in YAML (1.2.2, 5.1), and U+FFFD is what a byte becomes that is no UTF-8. The parser minds neither. */
// oxlint-disable-next-line no-control-regex
const UNFIT = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]/;

function unfit({ 0: character, index }: RegExpExecArray): Problem {
  const range = [index, index + 1] as const;
  if (character === "\ufffd")
    return {
      range,
      code: "yaml",
      summary: "not UTF-8",
      detail: String.raw`save the file as UTF-8; where U+FFFD is meant, write \uFFFD in "…"`,
    };
  const escape = `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return { range, code: "yaml", summary: "a control character", detail: `in "…" write ${escape}` };
}

/**
 * The YAML document in a text: `undefined` where its structure is in doubt (then `problems` is not empty), `null` where there is nothing in it.
 * YAML 1.2 core. Duplicate keys are left to the caller: the parser compares every key with every other.
 */
export function compose(text: string): {
  contents: YamlNode | null | undefined;
  problems: readonly Problem[];
} {
  if (text.length > MOST_CHARACTERS) {
    const problem = {
      range: [0, 1] as const,
      code: "yaml" as const,
      summary: "too long for an environment file",
      detail: "1 MiB at most",
    };
    return { contents: undefined, problems: [problem] };
  }
  const problems: Problem[] = [];
  const strange = UNFIT.exec(text);
  if (strange !== null) problems.push(unfit(strange));
  const doc = parseDocument(text, {
    version: "1.2",
    schema: "core",
    stringKeys: true,
    uniqueKeys: false,
    resolveKnownTags: false,
    prettyErrors: false,
    // Anything but "silent", which would keep a second document secret.
    logLevel: "error",
  });
  const errors = [...doc.errors, ...doc.warnings];
  const harmless = errors.filter((error) => HARMLESS.includes(error.code));
  const serious = errors.filter((error) => !HARMLESS.includes(error.code));
  problems.push(...[...harmless, ...firstOfEachLine(text, serious)].map((error) => problemOf(text, error)));
  if (doc.directives?.yaml.version === "1.1") {
    const [detail, at] = [ADVICE.BAD_DIRECTIVE!, text.indexOf("%YAML")];
    problems.push({ range: [at, at + 9], code: "yaml", summary: "YAML 1.1 is another language", detail });
  }
  return { contents: serious.length === 0 ? doc.contents : undefined, problems };
}

/** One slip makes the parser stumble several times in its line. When it ran out of stack all else it says is confusion. */
function firstOfEachLine(text: string, errors: readonly YAMLError[]): readonly YAMLError[] {
  const exhausted = errors.find((error) => error.code === "RESOURCE_EXHAUSTION");
  if (exhausted !== undefined) return [exhausted];
  const sorted = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  const [first] = sorted;
  if (first !== undefined && opensByDollar(text, first)) return [first]; // where that mapping ends is anybody's guess
  return sorted.filter(
    (error, i) => i === 0 || text.slice(sorted[i - 1]!.pos[0], error.pos[0]).includes("\n"),
  );
}

function problemOf(text: string, error: YAMLError): Problem {
  const range = error.pos;
  const at = { range, code: "yaml" } as const;
  const written = text.slice(...range);
  switch (error.code) {
    case "RESOURCE_EXHAUSTION":
      return { ...at, summary: "nested too deeply", detail: "an environment file needs five levels" };
    case "MULTIPLE_DOCS":
      return {
        ...at,
        range: [range[0], range[0] + 3],
        summary: "a second document",
        detail: "one file declares one environment",
      };
    case "TAG_RESOLVE_FAILED":
      return {
        ...at,
        summary: `unknown tag ${written}`,
        detail: "remove it: values are taken as they are written",
      };
    case "NON_STRING_KEY":
      return { ...at, summary: "a key must be text", detail: "put it in quotes" };
    default:
      return { ...at, summary: lowerFirst(error.message), ...advice(text, error) };
  }
}

/** `[${VAR}]` and `{ A: ${VAR} }` are the slip that YAML explains worst: the brace opens a mapping there. */
function opensByDollar(text: string, error: YAMLError): boolean {
  const line = text.slice(text.lastIndexOf("\n", error.pos[0] - 1) + 1).split("\n", 1)[0]!;
  return /[[{]([^"']*[,:])?\s*\$\{/.test(line) || /,\s*\$\{/.test(line);
}

function advice(text: string, error: YAMLError): { readonly detail?: string } {
  if (opensByDollar(text, error)) return { detail: 'inside [ ] and { } put it in quotes: "${…}"' };
  const detail = ADVICE[error.code];
  return detail === undefined ? {} : { detail };
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
