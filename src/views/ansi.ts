/** Text in one of the terminal's own 16 colours (ECMA-48 SGR), so that every theme stays readable. */
export type Paint = Readonly<
  Record<"bold" | "dim" | "red" | "green" | "yellow" | "cyan", (text: string) => string>
>;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colours, or none: then every function gives its text back. Empty text is never painted. */
export function paint(color: boolean): Paint {
  const of = ([on, off]: readonly number[]) =>
    color
      ? (text: string) => (text === "" ? "" : `\u001b[${on}m${text}\u001b[${off}m`)
      : (text: string) => text;
  return {
    bold: of(CODES.bold),
    dim: of(CODES.dim),
    red: of(CODES.red),
    green: of(CODES.green),
    yellow: of(CODES.yellow),
    cyan: of(CODES.cyan),
  };
}
