import { KernelError } from "#model/diagnostic";
import type { DirEntry, Files } from "#ports/files";

type Walk = Files["walk"];
type Frame = {
  /** Absent while the descriptor is closed to keep few of them open. */
  fd: number | undefined;
  readonly name: Uint8Array;
  /** What is still to be taken away; the last one next. */
  left: DirEntry[];
  again: number;
};

/** Descriptors held at once: a tree may be deeper than a process may have open (RLIMIT_NOFILE, 1024 by default). */
const OPEN_AT_MOST = 256;
/** How often a directory that is filled again while it is emptied is listed anew. */
const AGAIN_AT_MOST = 8;

/**
 * Deletes everything below `view` by descriptors and closes it. Depth costs no stack and no path length; names are bytes.
 * @throws KernelError what the kernel refused; EXDEV from openDir at a mount, EBUSY from unlink at one
 */
export function empty(walk: Walk, view: number): void {
  const top: Frame = { fd: view, name: new Uint8Array(), left: [], again: 0 };
  const frames = [top];
  try {
    top.left = list(walk, view);
    while (frames.length > 0) {
      const frame = frames.at(-1)!;
      const entry = frame.left.pop();
      if (entry === undefined) leave(walk, frames);
      else if (entry.type === "other" || !enter(walk, frames, entry.name))
        absent(() => walk.unlink(frame.fd!, entry.name, false));
    }
  } finally {
    for (const { fd } of frames) if (fd !== undefined) walk.close(fd);
  }
}

function list(walk: Walk, fd: number): DirEntry[] {
  walk.makeWritable(fd);
  return [...walk.entries(fd)];
}

/** Goes down into a directory; false where the name is none. */
function enter(walk: Walk, frames: Frame[], name: Uint8Array): boolean {
  let fd: number;
  try {
    fd = walk.openDir(frames.at(-1)!.fd!, name);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.errno === "ENOENT") return true;
    if (error.errno === "ENOTDIR" || error.errno === "ELOOP") return false;
    throw error;
  }
  const oldest = frames[frames.length - OPEN_AT_MOST];
  if (oldest?.fd !== undefined && oldest !== frames[0]) close(walk, oldest);
  frames.push({ fd, name, left: [], again: 0 });
  frames.at(-1)!.left = list(walk, fd);
  return true;
}

/** Goes up, and takes the emptied directory away. */
function leave(walk: Walk, frames: Frame[]): void {
  const frame = frames.at(-1)!;
  if (frames.length === 1) {
    frame.left = list(walk, frame.fd!);
    if (frame.left.length > 0 && frame.again++ < AGAIN_AT_MOST) return;
    close(walk, frame);
    frames.pop();
    return;
  }
  reopen(walk, frames, frames.length - 2);
  try {
    absent(() => walk.unlink(frames.at(-2)!.fd!, frame.name, true));
  } catch (error) {
    const refilled =
      error instanceof KernelError && (error.errno === "ENOTEMPTY" || error.errno === "EEXIST");
    if (!refilled || frame.again++ >= AGAIN_AT_MOST) throw error;
    frame.left = list(walk, frame.fd!);
    return;
  }
  close(walk, frame);
  frames.pop();
}

/** Makes sure a frame on the way has its descriptor, opening again from the nearest one above that has. */
function reopen(walk: Walk, frames: readonly Frame[], at: number): void {
  if (frames[at]!.fd !== undefined) return;
  let from = at;
  while (frames[from]!.fd === undefined) from--;
  for (let i = from + 1; i <= at; i++) {
    frames[i]!.fd = walk.openDir(frames[i - 1]!.fd!, frames[i]!.name);
    // Of the way down only the lower part is kept: it is needed next.
    if (i - 1 > 0 && i <= at - OPEN_AT_MOST + 1) close(walk, frames[i - 1]!);
  }
}

function close(walk: Walk, frame: Frame): void {
  if (frame.fd !== undefined) walk.close(frame.fd);
  frame.fd = undefined;
}

/** Somebody else was faster. */
function absent(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === "ENOENT")) throw error;
  }
}
