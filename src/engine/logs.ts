import type { AbsPath } from "#model/brand";
import type { DetachedRun, RunFiles } from "#model/detached";
import { KernelError } from "#model/diagnostic";
import { lives } from "#observe/runs";
import type { Reader } from "#ports/reader";
import type { ReadHost } from "./host.ts";
import { isKept, lookAgain } from "./runs.ts";

export type Stream = "stdout" | "stderr";

/** Takes a piece of output; false where nobody wants more. */
export type Taker = (stream: Stream, bytes: Uint8Array) => boolean;

/** What is read at a time. */
const PIECE = 65_536;
/** Pauses between looks (ms) grow from the first to the second. */
const [FIRST_MS, LONGEST_MS] = [5, 100];

/**
 * Hands out what a run has printed: first all of standard output, then of standard error; their order among each other is not kept. `tail`:
 * only the last lines of each. Followed, it goes on until the run is over or nobody listens. Answers the run as it then stands; undefined
 * where it was removed meanwhile, which ends it too.
 */
export function readLogs(
  host: ReadHost,
  run: DetachedRun,
  options: { readonly tail?: number; readonly follow: boolean },
  take: Taker,
): DetachedRun | undefined {
  const { reader, clock } = host;
  const all = (["stdout", "stderr"] as const).map((stream) => ({
    stream,
    path: run.files[stream],
    at: options.tail === undefined ? 0 : lastLines(reader, run.files[stream], options.tail),
  }));
  let wanted = true;
  for (let pause = FIRST_MS; ; pause = Math.min(2 * pause, LONGEST_MS)) {
    // Asked first: what is written until its end is then read.
    const over = !options.follow || !lives(reader, run.record.supervisor);
    for (const log of all) {
      for (let piece = next(reader, log); wanted && piece.length > 0; piece = next(reader, log)) {
        log.at += piece.length;
        wanted = take(log.stream, piece);
        pause = FIRST_MS;
      }
    }
    if (over || !wanted) return isKept(host, run) ? lookAgain(host, run) : undefined;
    clock.pause(pause);
  }
}

function next(reader: Reader, { path, at }: { readonly path: AbsPath; readonly at: number }): Uint8Array {
  return sizeOf(reader, path) > at ? part(reader, path, at, PIECE) : new Uint8Array();
}

/** 0 where the run was removed meanwhile. */
const sizeOf = (reader: Reader, path: AbsPath): number => reader.stat(path)?.size ?? 0;

/** Nothing where it was removed since its size was asked for. */
function part(reader: Reader, path: AbsPath, offset: number, length: number): Uint8Array {
  try {
    return reader.part(path, offset, length);
  } catch (error) {
    if (error instanceof KernelError && error.errno === "ENOENT") return new Uint8Array();
    throw error;
  }
}

/** How far back the last lines are looked for: what runs inside may have given its output any size (ftruncate(2)). */
const FARTHEST = 64 << 20;

/** Where the last `count` lines begin, at most FARTHEST before the end; an unfinished one counts. */
function lastLines(reader: Reader, path: AbsPath, count: number): number {
  const size = sizeOf(reader, path);
  if (count === 0) return size;
  let left = count;
  const farthest = Math.max(0, size - FARTHEST);
  for (let end = size; end > farthest;) {
    const start = Math.max(farthest, end - PIECE);
    const piece = part(reader, path, start, end - start);
    for (let i = piece.length - 1; i >= 0; i--) {
      // The newline at the very end ends a line and begins none.
      if (piece[i] === 10 && start + i !== size - 1 && --left === 0) return start + i + 1;
    }
    end = start;
  }
  return farthest;
}

/** How much of the end of each output is looked through, and how many lines of it are shown. */
const [END, LINES] = [1024, 5];

/** The last lines a run has printed, those of standard output first. */
export function lastWords(reader: Reader, files: RunFiles): readonly string[] {
  return [files.stdout, files.stderr].flatMap((path) => {
    const from = Math.max(0, sizeOf(reader, path) - END);
    return new TextDecoder()
      .decode(part(reader, path, from, END))
      .trimEnd()
      .split("\n")
      .slice(-LINES)
      .filter((line) => line !== "");
  });
}
