import { names, runNames } from "#engine/names";
import { SHELLS } from "#model/commands";
import { completion, isShell } from "#views/completion";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";

/** Prints a shell's script. `names` and `runs` are what the scripts ask for, one a line. */
export function command({ args, host, words }: Context): number {
  const [shell = ""] = args.operands;
  if (shell === "names" || shell === "runs") {
    const found = shell === "names" ? names(host) : runNames(host);
    words.out(found.map((name) => `${name}\n`).join(""));
    return 0;
  }
  if (!isShell(shell)) {
    const said = shell === "" ? "completion wants a shell" : `no completion for "${shell}"`;
    throw usage(said, args.command, `There are ${SHELLS.join(", ")}.`);
  }
  words.out(completion(shell));
  return 0;
}
