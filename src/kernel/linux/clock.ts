import type { Clock } from "#ports/clock";

/** Blocks the thread without the event loop. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function linuxClock(): Clock {
  return { now: () => Math.floor(Date.now() / 1000), monotonic: () => performance.now(), pause };
}
