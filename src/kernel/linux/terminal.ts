import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { isatty } from "node:tty";
import type { Terminal } from "#ports/terminal";

export type TerminalOptions = {
  readonly color: "auto" | "always" | "never";
  readonly variable: (name: string) => string | undefined;
  readonly stdin: NodeJS.ReadableStream;
  /** Looked up only when something is laid out for a terminal: making Node's streams costs milliseconds. */
  readonly columns: () => number | undefined;
};

/** stdin, stdout and stderr of this process. A reader that went away (EPIPE) never stops a command: what it does is done to its end. */
export function linuxTerminal(options: TerminalOptions): Terminal {
  const { variable } = options;
  const plain = (variable("NO_COLOR") ?? "") !== "" || variable("TERM") === "dumb";
  const colored = (fd: number): boolean => options.color === "always" || (options.color === "auto" && !plain && isatty(fd));
  return {
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    interactive: isatty(0) && isatty(2),
    get columns() {
      return Number(variable("COLUMNS")) || options.columns() || 80;
    },
    color: { out: colored(1), err: colored(2) },
    ask: (question) => ask(question, options.stdin),
  };
}

function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN") return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

function ask(question: string, input: NodeJS.ReadableStream): Promise<string | undefined> {
  return new Promise((resolve) => {
    writeAll(2, question);
    const lines = createInterface({ input, terminal: false });
    let answer: string | undefined;
    lines.once("line", (line) => {
      answer = line;
      lines.close();
    });
    lines.once("close", () => resolve(answer));
  });
}
