import type { OomReport } from "#model/outcome";
import { formatBytes } from "#model/size";
import { paint } from "./ansi.ts";
import { shown, symbols, type Look } from "./look.ts";
import { block, cut, duration, inert, noted, shell } from "./text.ts";

/** The column of the second word of a line, as in the other pictures of failures. */
const SECOND = 33;

/** What a kill for lack of memory leaves to say: limit, peak, kills, and what may help. */
export function oomText(given: OomReport, look: Look): string {
  const report = inert(given);
  const p = paint(look.color);
  const what = report.wasEntry
    ? "killed by the kernel: out of memory"
    : "out of memory: the kernel killed a process of this run";
  const row = (label: string, value: string, note: string): string[] =>
    noted(`  ${p.dim(label.padEnd(6))}  ${value}`, note, SECOND, look.columns, (text) => text);
  const command = cut(shell(report.command), Math.max(20, look.columns - SECOND - 8), symbols(look).more);
  const place =
    report.specLine === undefined ? "" : `${shown(report.specLine.file, look)}:${report.specLine.line}`;
  const kills = `OOM kills: ${report.kills}${report.wasEntry ? "" : ` (${report.kills === 1 ? "a child" : "children"}; the entry went on)`}`;
  const lines = [
    `${p.red("envctl:")} ${what}`,
    ...row("limit", limits(report), place),
    ...row("peak", report.peak === undefined ? "unknown" : formatBytes(report.peak), kills),
    ...row("ran", duration(report.ranMs), `${command} (entry)`),
    ...block("  ", "Raise limits.memory, or run fewer workers at once.", look.columns),
    ...removed(report).flatMap((text) => block("  ", text, look.columns)),
  ];
  return `${lines.join("\n")}\n`;
}

function limits({ limit, swap }: OomReport): string {
  const memory = limit === undefined ? "none" : formatBytes(limit);
  if (swap === undefined) return memory;
  return `${memory}, ${Number(swap) === 0 ? "no swap" : `swap ${formatBytes(swap)}`}`;
}

function removed(report: OomReport): readonly string[] {
  if (report.removed === undefined) return [];
  const { name, keepable } = report.removed;
  return [`${name} was removed; its files are gone${keepable ? " (--keep-on-failure keeps them)" : ""}.`];
}
