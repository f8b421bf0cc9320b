import type { Clock } from "#ports/clock";

/** Blocks the thread without the event loop. */
export function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** `monotonic`: milliseconds from any start; what Node offers everywhere costs one to load. */
export function linuxClock(monotonic: () => number = () => performance.now()): Clock {
  return { now: () => Math.floor(Date.now() / 1000), monotonic, pause };
}
