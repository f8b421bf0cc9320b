import type { Told } from "#engine/carry-out";
import { type Ran, runApplied, runThrowaway } from "#engine/run";
import { filesOf, selectOne } from "#engine/select";
import { exitStatus } from "#model/launch";
import { attemptText } from "#views/steps";
import { terminalMode, usage } from "./args.ts";
import type { WriteContext } from "./context.ts";
import { complain } from "./context.ts";

/** Runs the entry, or a command, inside; the exit status is its own. */
export async function command(context: WriteContext): Promise<number> {
  const { args, host, words, look } = context;
  const throwaway = args.has("rm");
  if (args.rest?.length === 0) throw usage("no command behind --", args.command);
  if (args.has("keep-on-failure") && !throwaway)
    throw usage("--keep-on-failure goes with --rm", args.command);
  if (args.has("wait") && !args.has("detach")) throw usage("--wait goes with --detach", args.command);
  if (args.has("keep-on-failure") && host.reader.rootless !== undefined)
    throw usage("--keep-on-failure needs root, as destroy does, which takes the instance away", args.command);
  const [file] = filesOf([selectOne(host, args.operands)]);
  let attempt: string | undefined;
  const tell: Told = (plan, event) => {
    if (event.event === "step_failed") attempt = attemptText(event.step, plan);
  };
  const options = {
    ...(args.rest === undefined ? {} : { command: args.rest }),
    yes: args.has("yes"),
    keepOnFailure: args.has("keep-on-failure"),
    terminal: terminalMode(args),
    tell,
    ...(host.reader.rootless === undefined || args.has("strict-limits") ? {} : { weaken: weakened(context) }),
  };
  let ran: Ran;
  try {
    if (args.has("detach")) {
      const { detach } = await import("./detach.ts");
      return await detach(context, file!, { ...options, throwaway });
    }
    ran = await (throwaway ? runThrowaway : runApplied)(host, file!, options);
  } catch (error) {
    if (attempt === undefined) throw error;
    await complain(context, error, attempt);
    return 125;
  }
  if (ran.oom !== undefined) words.err((await import("#views/run")).oomText(ran.oom, look.err));
  if (ran.kept !== undefined && !context.quiet) words.err(`envctl: kept for a look: ${ran.kept}\n`);
  return exitStatus(ran.ending);
}

/** An ordinary user is rarely given cgroups; better an entry without limits than none, unless that is said. */
function weakened({ words, quiet }: WriteContext): (limits: readonly string[]) => void {
  return (limits) => {
    const they = limits.length === 1 ? "limit does" : "limits do";
    const why = `this user has no cgroup for ${limits.length === 1 ? "it" : "them"}`;
    if (!quiet)
      words.err(`envctl: ${they} not hold: ${limits.join(", ")}: ${why} (--strict-limits refuses)\n`);
  };
}
