// How patient to be: where every system call is emulated (scripts/vm) all takes about ten times as long.

/** How many times slower this machine is than the ones the times in the tests were chosen for. */
export const SLOWNESS: number = Number(process.env["TEST_SLOWNESS"] ?? 1);

/** A time limit, in ms, stretched to this machine. */
export const slow = (ms: number): number => ms * SLOWNESS;

/** Options for the Node that runs the built command, from TEST_NODE_OPTIONS. */
export const NODE: Readonly<Record<string, string>> =
  process.env["TEST_NODE_OPTIONS"] === undefined ? {} : { NODE_OPTIONS: process.env["TEST_NODE_OPTIONS"] };
