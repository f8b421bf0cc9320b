import type { Diagnostic } from "#model/diagnostic";
import { Failure, KernelError } from "#model/diagnostic";
import { paint, type Paint } from "./ansi.ts";
import { errnoText } from "./errno.ts";
import { proseColumns, shown, symbols, type Look } from "./look.ts";
import { block, count, cut, inert, width, wrap } from "./text.ts";

/**
 * What a thrown value has to say; `attempt` is the sentence for a refused call (`web-tests: cannot mount overlay`). Never a stack
 * trace: what nobody foresaw is named as envctl's own mistake.
 */
export function diagnosticsOf(error: unknown, attempt?: string): readonly Diagnostic[] {
  if (error instanceof Failure) return error.diagnostics;
  if (error instanceof KernelError) {
    const summary = attempt ?? `the kernel refused ${/^\w+/.exec(error.call)?.[0] ?? error.call}`;
    return [
      { severity: "error", code: "kernel", summary, call: error.call, errno: error.errno, ...reasons(error) },
    ];
  }
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = "please report this with the command you ran and the environment file";
  return [{ severity: "error", code: "internal", summary: "a mistake in envctl itself", detail: said, hint }];
}

/** overlayfs's own words in the kernel log stand in the place of the hint; what to do is then said by the error beneath. */
function reasons({ hint, cause }: KernelError): Pick<Diagnostic, "detail" | "hint"> {
  if (hint === undefined) return {};
  if (!/^overlay(fs)?: /.test(hint)) return { hint };
  return {
    detail: hint,
    ...(cause instanceof KernelError && cause.hint !== undefined ? { hint: cause.hint } : {}),
  };
}

/** All diagnostics, a blank line between them; with mistakes in files a last line counts them. */
export function diagnostics(given: readonly Diagnostic[], look: Look): string {
  const all = inert(given);
  const parts = all.map((d) => (d.file === undefined ? plain(d, look) : inFile(d, look)).join("\n"));
  const sum = sumLine(all);
  if (sum !== undefined) parts.push(paint(look.color).bold(sum));
  return parts.length === 0 ? "" : `${parts.join("\n\n")}\n`;
}

function sumLine(all: readonly Diagnostic[]): string | undefined {
  const located = all.filter((d) => d.file !== undefined);
  const errors = located.filter((d) => d.severity === "error").length;
  if (errors === 0) return undefined;
  const warnings = located.length - errors;
  const files = new Set(located.map((d) => d.file)).size;
  const what = [count(errors, "error"), ...(warnings > 0 ? [count(warnings, "warning")] : [])].join(", ");
  return `${what} in ${count(files, "file")}. Nothing was changed.`;
}

/** The place, the line, a caret and what to write. */
function inFile(d: Diagnostic, look: Look): string[] {
  const p = paint(look.color);
  const at = d.span === undefined ? "" : `:${d.span.line}:${d.span.column}`;
  const [head, ...rest] = wrap(`${shown(d.file!, look)}${at}: ${word(d)}${d.summary}`, look.columns);
  const place = `${shown(d.file!, look)}${at}:`;
  const first = head!.startsWith(place) ? p.bold(place) + head!.slice(place.length) : head!;
  return [first, ...rest.map((line) => `  ${line}`), ...excerpt(d, look, p), ...kernelLines(d, look, p)];
}

const word = (d: Diagnostic): string => (d.severity === "warning" ? "warning: " : "");

function excerpt(d: Diagnostic, look: Look, p: Paint): string[] {
  const notes = [d.detail, d.call === undefined ? d.hint : undefined].filter((note) => note !== undefined);
  if (d.span === undefined || d.text === undefined)
    return d.call === undefined ? notes.flatMap((note) => block("  ", note, proseColumns(look))) : [];
  const gutter = `${`${d.span.line}`.padStart(4)} | `;
  const bar = `${" ".repeat(5)}| `;
  const { text, before, marked } = window(
    d.text,
    d.span.column,
    d.span.length,
    look.columns - gutter.length,
    look,
  );
  const indent = bar + " ".repeat(before);
  const caret = "^".repeat(Math.max(1, marked));
  const tone = d.severity === "error" ? p.red : p.yellow;
  const lines = [p.dim(gutter) + text];
  const [note, ...more] = notes;
  const room = look.columns - width(indent) - caret.length - 1;
  if (note === undefined) return [...lines, p.dim(bar) + " ".repeat(before) + tone(caret)];
  const beside = width(note) <= room && !note.includes("\n");
  lines.push(p.dim(bar) + " ".repeat(before) + tone(caret) + (beside ? ` ${note}` : ""));
  const below = beside ? more : notes;
  return [
    ...lines,
    ...below.flatMap((text) => block(bar, text, look.columns).map((line) => dimBar(line, bar, p))),
  ];
}

const dimBar = (line: string, bar: string, p: Paint): string => p.dim(bar) + line.slice(bar.length);

/** The part of a source line around the mark that fits, tabs as single spaces so that the caret stands below it. */
function window(
  source: string,
  column: number,
  length: number,
  room: number,
  look: Look,
): { text: string; before: number; marked: number } {
  const chars = [...source.replaceAll("\t", " ")];
  const { more } = symbols(look);
  const mark = column - 1;
  const from =
    width(chars.join("")) <= room || mark + length + 1 < room ? 0 : Math.max(0, mark - Math.floor(room / 3));
  const lead = from > 0 ? more : "";
  const text = cut(lead + chars.slice(from).join(""), room, more);
  const before = width(lead + chars.slice(from, mark).join(""));
  return {
    text,
    before,
    marked: Math.min(width(chars.slice(mark, mark + length).join("")), width(text) - before),
  };
}

/** A failure that no file caused. */
function plain(d: Diagnostic, look: Look): string[] {
  const p = paint(look.color);
  const head = d.severity === "error" ? p.red("envctl:") : p.yellow("envctl: warning:");
  const [first, ...rest] = wrap(`${head} ${d.summary}`, look.columns - 2);
  const lines = [first!, ...rest.map((line) => `  ${line}`)];
  if (d.call !== undefined || d.errno !== undefined) return [...lines, ...kernelLines(d, look, p)];
  const notes = [d.detail, d.hint].filter((note) => note !== undefined);
  return [...lines, ...notes.flatMap((note) => block("  ", note, proseColumns(look)))];
}

/** What was attempted, what the kernel said, why, and what to do. */
function kernelLines(d: Diagnostic, look: Look, p: Paint): string[] {
  if (d.call === undefined && d.errno === undefined) return [];
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["call", d.call],
    ["kernel", d.errno === undefined ? undefined : errnoText(d.errno)],
    ["why", d.detail],
    ["fix", d.hint],
  ];
  return rows.flatMap(([label, text]) =>
    text === undefined ? [] : block(`  ${p.dim(label.padEnd(8))}`, text, Math.max(look.columns, 60)),
  );
}
