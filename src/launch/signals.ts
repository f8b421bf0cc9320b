import type { AbsPath } from "#model/brand";
import { signalNumber, type Ending } from "#model/launch";
import type { Running } from "#ports/processes";
import type { Reader } from "#ports/reader";

/** What `run` hands on to its entry. */
export const FORWARDED: readonly string[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** They wait for signals (sigwait(3)), and while they do the kernel shows them as neither blocked nor caught. */
const INITS = /^Name:\t(tini|docker-init|dumb-init|catatonit)$/m;

/** What a process does with a signal, out of its /proc/PID/status (proc_pid_status(5)). One that it blocks is for itself to fetch. */
export function disposition(status: string, signal: string): "default" | "ignored" | "caught" {
  const bit = 1n << BigInt((signalNumber(signal) ?? 1) - 1);
  const has = (mask: string): boolean =>
    (BigInt(`0x${new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`) & bit) !== 0n;
  if (has("SigCgt") || has("SigBlk") || INITS.test(status)) return "caught";
  return has("SigIgn") ? "ignored" : "default";
}

/** An entry that signals are handed on to; `ended` names the signal that was meant. */
export type Forwarding = { deliver(signal: string): void; readonly ended: Promise<Ending> };

/**
 * Hands signals on so that an entry takes them as any process would. The kernel keeps from a PID 1 every signal it has no handler
 * for; where the default action would have ended it, SIGKILL does, and the ending tells of the signal that was meant. What the
 * keyboard sends (SIGINT, SIGQUIT) goes to the entry's process group, as a terminal would do: the entry has a session of its own.
 */
export function forward(reader: Pick<Reader, "textAny">, running: Running): Forwarding {
  let meant: string | undefined;
  const takes = (signal: string): ReturnType<typeof disposition> | undefined => {
    const status = reader.textAny(`/proc/${running.pid}/status` as AbsPath);
    return status === undefined ? undefined : disposition(status, signal);
  };
  const end = (signal: string): void => {
    meant ??= signal;
    running.signal("SIGKILL");
  };
  const deliver = (signal: string): void => {
    if (takes(signal) === "default") end(signal);
    else {
      running.signal(signal, signal === "SIGINT" || signal === "SIGQUIT" ? "group" : undefined);
    }
  };
  // The kernel has sent it, and kept it from an entry that has no handler for it.
  running.onKey?.((signal) => {
    if (takes(signal) === "default") end(signal);
  });
  const ended = running.ended.then((ending) =>
    meant !== undefined && "signal" in ending && ending.signal === "SIGKILL" ? { signal: meant } : ending,
  );
  return { deliver, ended };
}
