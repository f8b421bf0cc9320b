import type { Timing } from "#model/timings";
import { paint } from "./ansi.ts";
import type { Look } from "./look.ts";

/** One line a stage and their sum: `parse      8.1 ms`. */
export function timingsText(all: readonly Timing[], look: Look): string {
  const p = paint(look.color);
  const total = all.reduce((sum, { ms }) => sum + ms, 0);
  const row = (name: string, ms: number): string => `  ${name.padEnd(9)}${ms.toFixed(1).padStart(8)} ms`;
  return [...all.map(({ stage, ms }) => row(stage, ms)), p.bold(row("total", total)), ""].join("\n");
}
