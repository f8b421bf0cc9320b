import { names } from "#engine/names";
import { SHELLS } from "#model/commands";
import { completion, isShell } from "#views/completion";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";

/** Prints a shell's script. `names` is what the scripts ask for: environments, one a line. */
export function command({ args, host, words }: Context): number {
  const [shell = ""] = args.operands;
  if (shell === "names") {
    words.out(
      names(host)
        .map((name) => `${name}\n`)
        .join(""),
    );
    return 0;
  }
  if (!isShell(shell)) {
    const said = shell === "" ? "completion wants a shell" : `no completion for "${shell}"`;
    throw usage(said, args.command, `There are ${SHELLS.join(", ")}.`);
  }
  words.out(completion(shell));
  return 0;
}
