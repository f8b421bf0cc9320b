import { execIn } from "#engine/exec";
import { runNamed } from "#engine/runs";
import { terminalMode, usage } from "./args.ts";
import type { ControlContext } from "./context.ts";

/** Runs a command beside a detached run; the exit status is its own. */
export async function command({ args, host }: ControlContext): Promise<number> {
  if (args.rest?.length === 0) throw usage("no command behind --", args.command);
  return execIn(host, runNamed(host, args.operands[0]!, "running"), {
    command: args.rest ?? ["sh"],
    terminal: terminalMode(args),
  });
}
