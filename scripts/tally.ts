// Counts what the suite did and prints it as it goes; the very last line holds the totals.
export class Tally {
  #passed = 0;
  #skipped = 0;
  readonly #failures: string[] = [];

  get failed(): number {
    return this.#failures.length;
  }

  /** Without a line of its own when `ms` is left out: a file's summary speaks for its tests. */
  pass(title: string, ms?: number): void {
    this.#passed++;
    if (ms !== undefined) print(`  ok    ${title} (${time(ms)})`);
  }

  fail(title: string, detail: string): void {
    this.#failures.push(title);
    print(`  FAIL  ${title}\n${detail.trimEnd().replace(/^/gm, "        ")}`);
  }

  skip(title: string, reason: string): void {
    this.#skipped++;
    print(`  skip  ${title}: ${reason}`);
  }

  close(): void {
    if (this.failed > 0) print(`\nfailed:\n${this.#failures.map((title) => `  ${title}`).join("\n")}`);
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    print(`\n${this.#passed} passed, ${this.failed} failed${skipped}`);
  }
}

export const print = (text: string): boolean => process.stdout.write(`${text}\n`);
export const time = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
