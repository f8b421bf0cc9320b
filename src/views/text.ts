// Everything about columns. Widths are terminal cells; painted text is measured without its colour codes.
export { shell } from "#model/shell"; // imported from there directly it costs `run` one file more

// oxlint-disable-next-line no-control-regex
const SGR = /\u001b\[\d+m/g;
// In functions: V8 reads a pattern when its literal is reached, which takes 0.3 ms for these.
const isWide = (char: string): boolean =>
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u.test(
    char,
  );
const isZero = (char: string): boolean => /\p{Mn}|\u200b|\u200d|\ufe0f/u.test(char);

/** Cells a text takes: wide East Asian characters and emoji two, combining marks none. */
export function width(text: string): number {
  const plain = text.replace(SGR, "");
  if (/^[ -~]*$/.test(plain)) return plain.length;
  let cells = 0;
  for (const char of plain) cells += isZero(char) ? 0 : isWide(char) ? 2 : 1;
  return cells;
}

/** Fills up with spaces on the right. */
export function pad(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - width(text)));
}

/** Cuts unpainted text to a width and marks the cut; nothing is cut below one cell. */
export function cut(text: string, cells: number, mark: string): string {
  if (width(text) <= cells) return text;
  let out = "";
  for (const char of text) {
    if (width(out + char) + width(mark) > cells) break;
    out += char;
  }
  return out + mark;
}

/** Breaks prose at spaces; a word longer than the line stays whole, since paths and commands are copied. */
export function wrap(text: string, cells: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && width(line) + 1 + width(word) > cells) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

/** Prose below an indent; the first line begins with `head`, which stands in the indent of the others. */
export function block(head: string, text: string, columns: number, indent: number = width(head)): string[] {
  const lines = wrap(text, Math.max(20, columns - indent));
  return lines.map((line, i) => (i === 0 ? head + line : " ".repeat(indent) + line));
}

/** `left`, and a note from column `at` on. A left part that reaches too far puts the note on a line of its own. */
export function noted(
  left: string,
  note: string,
  at: number,
  columns: number,
  style: (text: string) => string,
): string[] {
  if (note === "") return [left];
  const room = Math.max(20, columns - at);
  const lines = wrap(note, room).map(style);
  if (width(left) + 2 <= at)
    return [pad(left, at) + lines[0]!, ...lines.slice(1).map((line) => " ".repeat(at) + line)];
  if (width(left) + 2 + width(note) <= columns) return [`${left}  ${style(note)}`];
  return [left, ...lines.map((line) => " ".repeat(at) + line)];
}

/** Rows as aligned lines. `gaps` are the cells between columns (2 where not said); the last column is not filled up. */
export function table(rows: readonly (readonly string[])[], gaps: readonly number[] = []): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => width(row[i] ?? ""))),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i]! + (gaps[i] ?? 2))))
      .join("")
      .trimEnd(),
  );
}

/** `1 error`, `3 errors`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** A span of milliseconds: `41 ms`, `14.2 s`, `3 min 5 s`. */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** An age in seconds, in its largest unit as `ps` users expect: `3s`, `12m`, `2h`, `5d`. */
export function age(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  return s < 86_400 ? `${Math.floor(s / 3600)}h` : `${Math.floor(s / 86_400)}d`;
}

/** One line of what may hold several. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\n\t]\s*/g, " ");
}

// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A copy whose texts cannot steer a terminal: names of files and processes are chosen by others. Control and bidirectional
 * characters become `\x1b`; line ends and tabs stay. Errors pass as they are: their diagnostics are cleaned when printed.
 */
export function inert<T>(value: T): T {
  if (typeof value === "string") {
    return value.replace(UNSAFE, (c) => {
      const hex = c.charCodeAt(0).toString(16);
      return hex.length > 2 ? `\\u${hex}` : `\\x${hex.padStart(2, "0")}`;
    }) as T;
  }
  if (Array.isArray(value)) return value.map(inert) as T;
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [inert(key), inert(inner)])) as T;
}
