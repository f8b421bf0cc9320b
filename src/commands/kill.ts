import { signalRun } from "#engine/control";
import { notRunning, runNamed } from "#engine/runs";
import { openState } from "#engine/state";
import { signalName, signalNumber } from "#model/launch";
import { usage } from "./args.ts";
import type { ControlContext } from "./context.ts";
import { eachRun } from "./each-run.ts";

/** One signal to each entry. */
export async function command(context: ControlContext): Promise<number> {
  const { args, host } = context;
  const text = args.value("signal") ?? "KILL";
  const number = signalNumber(text.toUpperCase());
  if (number === undefined)
    throw usage(`no signal "${text}"`, args.command, "For example HUP, SIGTERM or 9.");
  return eachRun(
    context,
    (arg) => [runNamed(host, arg, "running")],
    (run) => {
      if (!signalRun(host, openState(host), run, signalName(number))) throw notRunning([run]);
      return Promise.resolve({ run });
    },
  );
}
