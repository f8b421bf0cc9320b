import { diffLines } from "diff";
import { shell } from "./text.ts";

/** A line of a text that became another. */
export type TextLine = { readonly sign: "+" | "-" | " "; readonly text: string };

/** Unchanged lines around a change that stay to be seen. */
const CONTEXT = 2;

/** How one text becomes another, line by line; of long unchanged stretches only the ends stay. */
export function textLines(before: string, after: string): readonly TextLine[] {
  const parts = diffLines(ended(before), ended(after));
  return parts.flatMap(({ value, added, removed }, i): readonly TextLine[] => {
    const lines = value === "" ? [] : value.replace(/\n$/, "").split("\n");
    if (added || removed) return lines.map((text) => ({ sign: added ? "+" : "-", text }));
    const kept = folded(lines, i === 0 ? 0 : CONTEXT, i === parts.length - 1 ? 0 : CONTEXT);
    return kept.map((text) => ({ sign: " ", text }));
  });
}

const ended = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);

function folded(lines: readonly string[], first: number, last: number): readonly string[] {
  const hidden = lines.length - first - last;
  if (hidden < 2) return lines;
  return [...lines.slice(0, first), `(${hidden} more)`, ...lines.slice(lines.length - last)];
}

/** A command as it would be typed, a shell script as it is; variables one a line. */
export function entryText(value: unknown): string {
  if (Array.isArray(value)) {
    const words = value as readonly string[];
    return words.length === 3 && words[1] === "-c" && words[2]!.includes("\n") ? words[2]! : shell(words);
  }
  const all = Object.entries((value ?? {}) as Readonly<Record<string, string>>);
  return all
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `${name}=${text.replaceAll("\n", "\\n")}`)
    .join("\n");
}
