// Counts what the suite did and prints it as it goes; the very last line holds the totals.

/** One check or test, as `--lines` prints it for whoever started this suite elsewhere (scripts/vm). */
export type Result = {
  readonly result: "pass" | "fail" | "skip";
  readonly title: string;
  readonly detail?: string;
  readonly ms?: number;
};

export class Tally {
  #passed = 0;
  #skipped = 0;
  readonly #failures: string[] = [];
  readonly #lines: boolean;

  /** `lines`: a JSON object a result instead of words for people, and no totals. */
  constructor(lines = false) {
    this.#lines = lines;
  }

  get failed(): number {
    return this.#failures.length;
  }

  /** Without a line of its own when `ms` is left out: a file's summary speaks for its tests. */
  pass(title: string, ms?: number): void {
    this.#passed++;
    if (this.#lines) tell({ result: "pass", title, ...(ms === undefined ? {} : { ms: Math.round(ms) }) });
    else if (ms !== undefined) print(`  ok    ${title} (${time(ms)})`);
  }

  fail(title: string, detail: string): void {
    this.#failures.push(title);
    if (this.#lines) tell({ result: "fail", title, detail });
    else print(`  FAIL  ${title}\n${detail.trimEnd().replace(/^/gm, "        ")}`);
  }

  skip(title: string, reason: string): void {
    this.#skipped++;
    if (this.#lines) tell({ result: "skip", title, detail: reason });
    else print(`  skip  ${title}: ${reason}`);
  }

  /** What another process tallied. */
  take({ result, title, detail = "", ms }: Result): void {
    if (result === "pass") this.pass(title, ms);
    else this[result](title, detail);
  }

  close(): void {
    if (this.#lines) return;
    if (this.failed > 0) print(`\nfailed:\n${this.#failures.map((title) => `  ${title}`).join("\n")}`);
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    print(`\n${this.#passed} passed, ${this.failed} failed${skipped}`);
  }
}

/** A line of another process: a result, or words. */
export function resultOf(line: string): Result | undefined {
  try {
    const said: unknown = JSON.parse(line);
    return typeof said === "object" && said !== null && "result" in said ? (said as Result) : undefined;
  } catch {
    return undefined;
  }
}

const tell = (result: Result): boolean => print(JSON.stringify(result));
export const print = (text: string): boolean => process.stdout.write(`${text}\n`);
export const time = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
