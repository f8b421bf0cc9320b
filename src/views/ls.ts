import type { EnvEntry, EnvState } from "#model/outcome";
import type { LimitName } from "#model/resource";
import { paint, type Paint } from "./ansi.ts";
import { shown, symbols, type Look } from "./look.ts";
import { age, cut, inert, table, width } from "./text.ts";
import { limitText, useText } from "./values.ts";

type Column = { readonly title: string; readonly cell: (entry: EnvEntry) => string };

/** The environments this host holds, a line each. Columns that do not fit are left out, the least telling first. */
export function lsText(given: readonly EnvEntry[], look: Look, now: number, state: string): string {
  const entries = inert(given);
  if (entries.length === 0) return `No environments here; they would be in ${inert(state)}.\n`;
  const columns: readonly Column[] = [
    { title: "NAME", cell: (e) => e.name },
    { title: "ID", cell: (e) => e.id },
    { title: "STATE", cell: (e) => e.state },
    { title: "UPPER", cell: (e) => upperCell(e) },
    { title: "LAYERS", cell: (e) => `${e.layers}` },
    { title: "VOLUMES", cell: (e) => `${e.volumes}` },
    ...(entries.some((e) => runsCell(e) !== "") ? [{ title: "RUNS", cell: runsCell }] : []),
    { title: "LIMITS", cell: (e) => cut(limitsCell(e), 28, symbols(look).more) },
    { title: "APPLIED", cell: (e) => (e.appliedAt === undefined ? "-" : `${age(now - e.appliedAt)} ago`) },
    {
      title: "FILE",
      cell: (e) => (e.file === undefined ? "" : shown(e.file, look) + (e.fileExists ? "" : " (gone)")),
    },
  ];
  const fitting = fit(columns, entries, look.columns);
  const p = paint(look.color);
  const rows = entries.map((e) =>
    fitting.map((c) => (c.title === "STATE" ? stateText(e.state, p) : c.cell(e) || "-")),
  );
  return `${table([fitting.map((c) => p.dim(c.title)), ...rows]).join("\n")}\n`;
}

/** Who stays longest on a narrow terminal. */
const RANK = ["ID", "STATE", "UPPER", "APPLIED", "RUNS", "FILE", "LIMITS", "LAYERS", "VOLUMES", "NAME"];

function fit(columns: readonly Column[], entries: readonly EnvEntry[], room: number): readonly Column[] {
  const need = (c: Column): number => Math.max(width(c.title), ...entries.map((e) => width(c.cell(e)))) + 2;
  let left = room + 2;
  const taken = new Set<string>();
  for (const title of RANK) {
    const column = columns.find((c) => c.title === title);
    const cells = column === undefined ? 0 : need(column);
    if (cells > left && title !== "ID") continue;
    left -= cells;
    taken.add(title);
  }
  return columns.filter((c) => taken.has(c.title));
}

function upperCell({ upper }: EnvEntry): string {
  if (upper.form === "none") return "none";
  const size = useText(upper.bytes === undefined ? {} : { bytes: upper.bytes });
  return [size, ...(upper.form === "tmpfs" ? ["tmpfs"] : [])].filter((part) => part !== "").join(" ");
}

/** Those that are running. */
function runsCell({ runs }: EnvEntry): string {
  return `${runs.filter(({ state }) => state === "running").length || ""}`;
}

function limitsCell({ limits }: EnvEntry): string {
  return Object.entries(limits)
    .map(([name, value]) => limitText(name as LimitName, value))
    .join(", ");
}

/** Green for what is as it should be. */
export function stateText(state: EnvState, p: Paint): string {
  if (state === "applied" || state === "running") return p.green(state);
  return state === "kept" ? state : p.yellow(state);
}
