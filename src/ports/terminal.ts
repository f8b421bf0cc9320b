/** Where words go. `out` for results, `err` for envctl's own words; false where nobody takes them any more. */
export type Terminal = {
  out(text: string | Uint8Array): boolean;
  err(text: string | Uint8Array): boolean;
  readonly interactive: boolean;
  /** Columns of stderr, stdout; 80 where unknown. */
  readonly columns: number;
  readonly color: { readonly out: boolean; readonly err: boolean };
  /** Asks on the terminal; the answer without its newline, undefined at end of file and when told to stop waiting. */
  ask(question: string, stop: AbortSignal): Promise<string | undefined>;
};
