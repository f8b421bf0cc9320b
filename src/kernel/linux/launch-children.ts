import { signalName, signalNumber, type Ending } from "#model/launch";
import type { Running } from "#ports/processes";
import { pause } from "./clock.ts";
import { systemCall, type Call } from "./ffi.ts";

const rawKill: Call = systemCall("kill", "kill", ["int", "int"]);
const rawWaitpid: Call = systemCall("waitpid", "waitpid", ["int", "void *", "int"]);

const WNOHANG = 1;

/** waitpid(2); undefined while it runs. @throws KernelError ECHILD where it is not ours to wait for */
function reap(pid: number, options: number): Ending | undefined {
  const status = Buffer.alloc(4);
  if (rawWaitpid([pid, status, options], () => [String(pid), "[…]", options === 0 ? "0" : "WNOHANG"]) === 0)
    return undefined;
  const word = status.readInt32LE(0);
  return (word & 0x7f) === 0 ? { code: (word >> 8) & 0xff } : { signal: signalName(word & 0x7f) };
}

/** Gives it some time (ms) to end by itself, then SIGKILL; how it ended, which may have been before. @throws KernelError */
export function reapWithin(pid: number, ms: number): Ending {
  for (let waited = 0; waited < ms; waited += 5) {
    const ending = reap(pid, WNOHANG);
    if (ending !== undefined) return ending;
    pause(5);
  }
  rawKill([pid, 9], () => [String(pid), "SIGKILL"]);
  return reap(pid, 0)!;
}

/** Calls `wake` whenever a child may have ended: SIGCHLD. */
export type OnChild = (wake: () => void) => void;

/** Waits for children without a thread: on SIGCHLD, and once a second in case one was merged with another's. */
export class Children {
  readonly #waiting = new Map<number, (ending: Ending) => void>();
  readonly #onChild: OnChild;
  #listening = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onChild: OnChild) {
    this.#onChild = onChild;
  }

  /** Must come before the child is started: an ignored SIGCHLD would let the kernel reap it. */
  listen(): void {
    if (!this.#listening) this.#onChild(() => this.#look());
    this.#listening = true;
  }

  /** A started child as its caller sees it. */
  running(pid: number): Running {
    const ended = new Promise<Ending>((resolve) => this.#waiting.set(pid, resolve));
    // Keeps the event loop alive too, which a signal handler does not.
    this.#timer ??= setInterval(() => this.#look(), 1000);
    this.#look();
    return {
      pid,
      ended,
      signal: (name, group) => {
        // Not reaped yet, so the number cannot have become another's.
        const number = signalNumber(name);
        if (number === undefined || !this.#waiting.has(pid)) return false;
        rawKill([group === undefined ? pid : -pid, number], () => [String(pid), name]);
        return true;
      },
    };
  }

  #look(): void {
    for (const [pid, resolve] of this.#waiting) {
      const ending = reap(pid, WNOHANG);
      if (ending === undefined) continue;
      this.#waiting.delete(pid);
      resolve(ending);
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
