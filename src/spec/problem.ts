import type { DiagnosticCode } from "#model/diagnostic";
import type { Range } from "./lines.ts";

/** A mistake at a place of the text: a Diagnostic before it has lines and columns. */
export type Problem = {
  readonly range: Range;
  readonly code: DiagnosticCode;
  readonly summary: string;
  /** What to write. */
  readonly detail?: string;
};
