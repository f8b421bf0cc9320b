import { readlinkSync } from "node:fs";
import { signalNumber } from "#model/launch";
import { poll } from "./launch-spawn.ts";
import { copySize, lineOf, makeRaw } from "./pty.ts";
import { kill } from "./syscalls-process.ts";

/** Descriptors 0 and 1 of this process as Node's streams, and its signals; each is asked for only where a terminal is relayed. */
export type Outside = {
  readonly stdin: () => NodeJS.ReadableStream;
  readonly stdout: () => NodeJS.WritableStream;
  /** Answers how to stop listening. */
  readonly onSignal: (signal: "SIGWINCH" | "SIGCONT" | Deadly, listener: () => void) => () => void;
};

/** Those that would end us without a word, and can be caught: the terminal is put back first. What `run` hands on is not among them. */
const DEADLY = ["SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGXCPU", "SIGIO", "SIGPWR", "SIGSTKFLT"] as const;
type Deadly = (typeof DEADLY)[number];

export type Relay = {
  /** Told of a key that sends a signal, once the terminal has it, and of the process group that was meant. */
  typed?: (signal: string, foreground: number) => void;
  /** After the entry's end: what it wrote is written, and our own terminal is as it was. */
  finish(): Promise<void>;
};

/**
 * Joins our standard input and output to the master of a terminal: ours is raw, so that every key is the inside's, and the other has
 * our size. What cannot be written any more (a reader that went away) is read all the same: the entry goes on.
 */
export async function relay(master: number, { stdin, stdout, onSignal }: Outside): Promise<Relay> {
  const { ReadStream } = await import("node:tty");
  const [input, output] = [stdin(), stdout()];
  // In both directions: a tty's own stream is made for reading, yet is a socket like any other.
  const terminal = new ReadStream(master);
  const resize = (): void => {
    if (!terminal.destroyed) copySize([1, 0], master);
  };
  let restore = (): void => undefined;
  // Listened for before ours is raw, and until it is so no longer: whatever ends us at once leaves it as it was.
  const deadly = DEADLY.map((signal) => {
    const off = onSignal(signal, () => {
      restore();
      off();
      kill(Number(readlinkSync("/proc/self")), signalNumber(signal)!);
    });
    return off;
  });
  restore = makeRaw(0);
  const stop = [onSignal("SIGWINCH", resize), onSignal("SIGCONT", () => (makeRaw(0), resize()))];
  const self: Relay = { finish };
  let last = 0;
  const take = (chunk: Buffer): void => {
    if (terminal.destroyed) return;
    last = chunk.at(-1) ?? last;
    if (!terminal.write(chunk)) {
      input.pause();
      terminal.once("drain", () => input.resume());
    }
    const { signalOf, foreground } = lineOf(master);
    for (const signal of new Set([...chunk].map(signalOf)))
      if (signal !== undefined) self.typed?.(signal, foreground);
  };
  // The end of a file is a character here; within a line it only hands on the line.
  const end = (): void => {
    if (terminal.destroyed) return;
    const { eof } = lineOf(master);
    if (eof !== undefined) terminal.write(Buffer.alloc(last === 0x0a || last === 0 ? 1 : 2, eof));
  };
  input
    .on("data", take)
    .on("end", end)
    .on("error", () => undefined);
  let lost = false;
  output.on("error", () => (lost = true));
  // EIO: nobody has the other end open any more; it is destroyed then.
  terminal.on("error", () => undefined);
  terminal.once("close", letGo);
  terminal.on("data", (chunk: Buffer) => {
    if (lost || output.write(chunk)) return;
    terminal.pause();
    output.once("drain", () => terminal.resume()).once("error", () => terminal.resume());
  });
  return self;

  /** Nobody inside has the terminal any more, though the entry may go on: keys are ours again, Ctrl-C too. */
  function letGo(): void {
    input.off("data", take).off("end", end).pause();
    for (const stopOne of stop) stopOne();
    restore();
  }

  async function finish(): Promise<void> {
    input.off("data", take).off("end", end).pause();
    await drained();
    // Ours stays raw until the last of what was written is there.
    terminal.off("close", letGo).destroy();
    if (!lost) await new Promise<void>((resolve) => output.write("", () => resolve()));
    letGo();
    for (const off of deadly) off();
  }

  /** A process left behind may keep the terminal open: what it writes from now on is not waited for. */
  async function drained(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (!terminal.destroyed && (terminal.isPaused() || poll(master, 0)));
  }
}
