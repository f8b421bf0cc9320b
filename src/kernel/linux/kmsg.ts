import { readSync } from "node:fs";
import { KernelError } from "#model/diagnostic";
import { AT_FDCWD, O } from "./flags.ts";
import { errnoOf } from "./node-call.ts";
import { close, openat, seekEnd } from "./syscalls-file.ts";

/**
 * Runs `call`. Where the kernel refuses it, the hint becomes what overlayfs wrote to the kernel log meanwhile: fsconfig(2) and
 * mount(2) say EINVAL and nothing else. Without access to /dev/kmsg (ordinary users) the error stays as it is.
 */
export function kernelSaid<T>(call: () => T): T {
  const log = openLog();
  try {
    return call();
  } catch (error) {
    const said = log !== undefined && error instanceof KernelError ? overlayLines(log) : [];
    if (said.length === 0) throw error;
    const { call: text, errno } = error as KernelError;
    throw new KernelError(text, errno, said.join("; "), error);
  } finally {
    if (log !== undefined) close(log);
  }
}

function openLog(): number | undefined {
  let fd: number | undefined;
  try {
    fd = openat(AT_FDCWD, "/dev/kmsg", O.NONBLOCK);
    seekEnd(fd);
    return fd;
  } catch {
    if (fd !== undefined) close(fd);
    return undefined;
  }
}

/** One read gives one record, `priority,sequence,time,flags;text\n KEY=value…` (Documentation/ABI/testing/dev-kmsg). */
function overlayLines(log: number): string[] {
  const lines: string[] = [];
  const buffer = Buffer.alloc(8192);
  for (;;) {
    try {
      const record = buffer.toString("utf8", 0, readSync(log, buffer));
      const text = /^[^;]*;(overlay(?:fs)?: .*)$/m.exec(record)?.[1];
      if (text !== undefined && !lines.includes(text)) lines.push(text);
    } catch (error) {
      // EPIPE: records were overwritten before we read them; the next read goes on after the gap.
      if (errnoOf(error) !== "EPIPE") return lines;
    }
  }
}
