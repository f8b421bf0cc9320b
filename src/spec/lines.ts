import type { Span } from "#model/diagnostic";

/** Offsets into a file's text, the end not included. */
export type Range = readonly [start: number, end: number];
/** A range as people count it, with the line it begins in. */
export type Spot = { readonly span: Span; readonly text: string };

/**
 * Turns ranges of `text` into lines and columns, both from 1 and in characters (code points). A range that goes on to further lines ends
 * with its first; what the parser missed at the end of the file is shown behind the last word of it.
 */
export function spotter(text: string): (range: Range) => Spot {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  const last = text.trimEnd().length;
  return ([start, end]) => {
    const from = Math.min(start, last);
    const line = lineOf(starts, from);
    const begin = starts[line - 1]!;
    const whole = text.slice(begin, starts[line] ?? text.length).replace(/\r?\n?$/, "");
    const before = whole.slice(0, from - begin);
    const marked = whole.slice(before.length, Math.max(Math.min(end, last), from) - begin);
    const span = { line, column: characters(before) + 1, length: Math.max(1, characters(marked)) };
    return { span, text: whole };
  };
}

const characters = (text: string): number => [...text].length;

/** The number of the line that holds an offset: how many of the sorted `starts` are not behind it. */
function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
