/** Where words go. `out` for results, `err` for envctl's own words. */
export type Terminal = {
  out(text: string): void;
  err(text: string): void;
  readonly interactive: boolean;
  /** Columns of stderr, stdout; 80 where unknown. */
  readonly columns: number;
  readonly color: { readonly out: boolean; readonly err: boolean };
  /** Asks on the terminal; the answer without its newline, undefined at end of file and when told to stop waiting. */
  ask(question: string, stop: AbortSignal): Promise<string | undefined>;
};
