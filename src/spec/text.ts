import { expand } from "./expand.ts";
import type { Range } from "./lines.ts";
import { fail, isNothing, type At } from "./shape.ts";
import type { Node, Scalar } from "./tree.ts";

/** A scalar after substitution. */
export type Text = {
  readonly text: string;
  readonly written: Scalar;
  /** It came, wholly or in part, from `${…}`. */
  readonly substituted: boolean;
  readonly range: Range;
  /** The place of a part of `text`, or of the whole where the file writes it otherwise. */
  readonly part: (start: number, length: number) => Range;
};

/** The text of a scalar, substituted and fit to be handed to the kernel. */
export function readText(node: Node, at: At, what: string, write: string, fixed = false): Text | undefined {
  if (node.kind === "broken") return undefined;
  if (node.kind !== "scalar") return fail(at, node.range, "wrong_type", `not ${what}`, write);
  if (isNothing(node)) return fail(at, node.range, "wrong_type", "no value", write);
  const text = substitute(node, at, fixed);
  if (text === undefined || (!text.text.includes("\0") && text.text.isWellFormed())) return text;
  return fail(
    at,
    node.range,
    "bad_value",
    "a character the kernel cannot take",
    "no NUL and no half of a character",
  );
}

function substitute(written: Scalar, at: At, fixed: boolean): Text | undefined {
  const { text, verbatim, range } = written;
  const within = (start: number, length: number): Range =>
    verbatim === undefined ? range : [verbatim + start, verbatim + start + length];
  if (fixed) return { text, substituted: false, written, range, part: within };
  const { result, slips } = expand(text, at.job.lookup);
  for (const slip of slips) fail(at, within(slip.start, slip.length), slip.code, slip.summary, slip.detail);
  return result && { ...result, written, range, part: result.text === text ? within : () => range };
}
