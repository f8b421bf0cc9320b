import { fstatSync, writeSync } from "node:fs";
import type { Terminal } from "#ports/terminal";
import { pause } from "./clock.ts";
import { errnoOf } from "./node-call.ts";

export type TerminalOptions = {
  readonly color: "auto" | "always" | "never";
  readonly variable: (name: string) => string | undefined;
  readonly isTerminal: (fd: number) => boolean;
  /** These two are asked only where there is a terminal: making Node's streams costs milliseconds. */
  readonly stdin: () => NodeJS.ReadableStream;
  readonly columns: () => number | undefined;
};

/** stdin, stdout and stderr of this process. A reader that went away (EPIPE) never stops a command: what it does is done to its end. */
export function linuxTerminal(options: TerminalOptions): Terminal {
  const { variable, isTerminal } = options;
  const plain = (variable("NO_COLOR") ?? "") !== "" || variable("TERM") === "dumb";
  const colored = (fd: number): boolean =>
    options.color === "always" || (options.color === "auto" && !plain && isTerminal(fd));
  return {
    out: (text) => {
      const errno = writeAll(1, text);
      lost ??= tellLoss(errno);
      return errno === undefined;
    },
    err: (text) => writeAll(2, text) === undefined,
    interactive: isTerminal(0) && isTerminal(2),
    get columns() {
      const wide = isTerminal(1) || isTerminal(2) ? options.columns() : undefined;
      return Number(variable("COLUMNS")) || wide || 80;
    },
    color: { out: colored(1), err: colored(2) },
    ask: (question, stop) => ask(question, options.stdin(), stop),
  };
}

/** Why a result did not arrive at all, where somebody may still take it for whole: a full disk, not a reader that went away. */
let lost: string | undefined;

/** Whether a result did not arrive: then the command has failed, whatever it did. */
export function outputLost(): boolean {
  return lost !== undefined;
}

function tellLoss(errno: string | undefined): string | undefined {
  if (errno === undefined || errno === "EPIPE") return undefined;
  writeAll(2, `envctl: standard output cannot be written to: ${errno}\n`);
  return errno;
}

/** Answers the errno of what could not be written. */
function writeAll(fd: number, text: string | Uint8Array): string | undefined {
  let rest: Uint8Array = typeof text === "string" ? Buffer.from(text) : text;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== "EAGAIN") return errno ?? String(error);
      pause(2);
    }
  }
  return undefined;
}

/** /dev/null: device 1:3, as `makedev` packs it. */
const NULL_DEVICE = 0x103;

/** Whether it may be a terminal: isatty(3) is node:tty's, which brings all of node:net along. */
export function isDevice(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && stat.rdev !== NULL_DEVICE;
  } catch {
    return false; // closed
  }
}

async function ask(
  question: string,
  input: NodeJS.ReadableStream,
  stop: AbortSignal,
): Promise<string | undefined> {
  const { createInterface } = await import("node:readline");
  return new Promise((resolve) => {
    writeAll(2, question);
    const lines = createInterface({ input, terminal: false });
    let answer: string | undefined;
    lines.once("line", (line) => {
      answer = line;
      lines.close();
    });
    stop.addEventListener("abort", () => lines.close());
    lines.once("close", () => resolve(answer));
  });
}
