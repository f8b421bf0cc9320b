/** What a command spends its time on (`--timings`): Node's own start, then the stages as they come. */
export type StageName =
  | "node"
  | "load"
  | "parse"
  | "observe"
  | "plan"
  | "execute"
  | "launch"
  | "entry"
  | "clean up"
  | "print";

export type Timing = { readonly stage: StageName; readonly ms: number };

/** A stopwatch: `lap` counts what passed since the lap before for a stage; a stage that comes again is added up. */
export type Timings = { lap(stage: StageName): void; all(): readonly Timing[] };

/** `now`: milliseconds since the process began. */
export function timings(now: () => number): Timings {
  const spent = new Map<StageName, number>();
  let last = 0;
  return {
    lap(stage) {
      const at = now();
      spent.set(stage, (spent.get(stage) ?? 0) + at - last);
      last = at;
    },
    all: () => [...spent].map(([stage, ms]) => ({ stage, ms })),
  };
}
