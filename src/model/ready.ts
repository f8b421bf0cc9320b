import { formatDuration } from "./duration.ts";
import type { Ready } from "./spec.ts";

/** A check of readiness as a file has it: one of three, and a time. */
export type WrittenReady = {
  readonly tcp?: number;
  readonly exec?: readonly string[];
  readonly file?: string;
  readonly timeout: string;
};

/** A check back in the words of the file, for those who read it again. */
export function asWritten({ probe, timeoutMs }: Ready): WrittenReady {
  const timeout = formatDuration(timeoutMs);
  switch (probe.kind) {
    case "tcp":
      return { tcp: probe.port, timeout };
    case "exec":
      return { exec: probe.command, timeout };
    case "file":
      return { file: probe.path, timeout };
  }
}
