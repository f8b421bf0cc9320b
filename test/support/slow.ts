// How patient to be: where every system call is emulated (scripts/vm) all takes about ten times as long.

/** How many times slower this machine is than the ones the times in the tests were chosen for. */
export const SLOWNESS: number = Number(process.env["TEST_SLOWNESS"] ?? 1);

/** A time limit, in ms, stretched to this machine. */
export const slow = (ms: number): number => ms * SLOWNESS;
