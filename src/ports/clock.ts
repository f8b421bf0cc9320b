export type Clock = {
  /** Seconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start. */
  monotonic(): number;
  /** Blocks the thread. */
  pause(ms: number): void;
};
