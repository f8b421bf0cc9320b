import type { ValidateReport } from "#model/outcome";
import { paint } from "./ansi.ts";
import { diagnostics } from "./diagnostics.ts";
import { shown, type Look } from "./look.ts";
import { count, inert, table } from "./text.ts";

/** All mistakes of all files; without one, the files that were looked at. */
export function validateText(given: ValidateReport, look: Look): string {
  const { files } = inert(given);
  const all = files.flatMap((file) => file.diagnostics);
  if (all.some((d) => d.severity === "error")) return diagnostics(all, look);
  const p = paint(look.color);
  const rows = files.map((file) => [
    shown(file.file, look),
    p.green("valid"),
    p.dim(file.id === undefined ? "" : `(${file.id})`),
  ]);
  const warnings = all.length === 0 ? "" : `${diagnostics(all, look)}\n`;
  const sum = `${count(files.length, "file")} valid${all.length === 0 ? "" : `, ${count(all.length, "warning")}`}.`;
  return `${warnings}${table(rows).join("\n")}\n\n${sum}\n`;
}
