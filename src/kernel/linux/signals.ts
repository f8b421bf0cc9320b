import { readFileSync } from "node:fs";
import { KernelError } from "#model/diagnostic";
import type { ProcessId } from "#model/detached";
import { signalNumber } from "#model/launch";
import type { Signals } from "#ports/processes";
import { systemCall, type Call } from "./ffi.ts";
import { withFd } from "./syscalls-file.ts";

const rawPidfdOpen: Call = systemCall("pidfd_open", 434, ["int", "uint"]);
const rawPidfdSend: Call = systemCall("pidfd_send_signal", 424, ["int", "int", "void *", "uint"]);

/** Whether the process with this number now is the one that was meant: field 22 of stat, behind a name that may hold anything. */
function isIt({ pid, start }: ProcessId): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] === start;
  } catch {
    return false;
  }
}

/** A descriptor holds the process, so that nobody takes its number between the look and the signal (pidfd_open(2), Linux 5.3). */
function send(process: ProcessId, name: string): boolean {
  const { pid } = process;
  return withFd(
    rawPidfdOpen([pid, 0], () => [String(pid), "0"]),
    (fd) => {
      if (!isIt(process)) return false;
      rawPidfdSend([fd, signalNumber(name), null, 0], () => [`pidfd of ${pid}`, name, "NULL", "0"]);
      return true;
    },
  );
}

/** Signals to processes of this machine. */
export function linuxSignals(): Signals {
  return {
    signal(process, name) {
      try {
        return send(process, name);
      } catch (error) {
        if (error instanceof KernelError && error.errno === "ESRCH") return false;
        throw error;
      }
    },
  };
}
