import type { Running } from "#ports/processes";
import type { Outside } from "./relay.ts";

/** An entry whose terminal is joined to ours until it has ended and all it wrote was written. */
export function withTerminal(running: Running, master: number, outside: Outside): Running {
  // node:tty and what it brings along are for those who need it.
  const relayed = import("./relay.ts").then(({ relay }) => relay(master, outside));
  return {
    ...running,
    ended: running.ended.then(async (ending) => {
      await (await relayed).finish();
      return ending;
    }),
    onKey: (listener) => {
      const typed = (signal: string, foreground: number): void => {
        if (foreground === running.pid) listener(signal);
      };
      void relayed.then((relay) => (relay.typed = typed));
    },
  };
}
