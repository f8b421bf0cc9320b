import { type Diagnostic, Failure } from "#model/diagnostic";
import { exitStatus } from "#model/launch";
import type { Plan } from "#model/plan";
import { isSettled } from "#model/plan";
import { busy, busyDiagnostic } from "#views/busy";
import { diagnosticsOf } from "#views/diagnostics";
import { question } from "#views/ended";
import { errorJson } from "#views/json";
import { streamJson } from "#views/json-plan";
import { notApplied, planText } from "#views/plan";
import { usage } from "./args.ts";
import { carry, type Carrying } from "./carry.ts";
import type { WriteContext } from "./context.ts";
import { complain, exitOf, isInterruption, worst } from "./context.ts";

/** What apply and destroy have in common: show the plans, ask, carry them out. */
export type Transaction = Carrying & {
  /** What kept environments from being planned at all; the others go on. */
  readonly failures: readonly unknown[];
  /** A saved plan was agreed to when it was made. */
  readonly agreed?: boolean;
  /** Names of environments that were asked for and are not on this host. */
  readonly absent?: readonly string[];
};

/** Answers the exit code: of several environments the one the contract puts first. @throws Failure 3 where nobody is there to ask */
export async function transact(context: WriteContext, transaction: Transaction): Promise<number> {
  const { plans, intent } = transaction;
  const { words, look, json, quiet, host } = context;
  const stream = streamJson(intent);
  const cut = transaction.failures.some(isInterruption);
  const unplanned = transaction.failures.flatMap((error) => diagnosticsOf(error));
  // Where nothing could be planned, as where a file is bad: no stream begins.
  if (json && plans.length === 0 && unplanned.length > 0) {
    words.out(errorJson(unplanned));
    return cut ? 130 : worst(transaction.failures.map(exitOf));
  }
  if (!json) for (const failure of transaction.failures) await complain(context, failure);
  if (json) words.out(stream.version(host.version) + stream.planned(plans));
  else if (!quiet) showPlans(context, transaction);
  const pending = plans.filter((plan) => intent === "destroy" || !isSettled(plan));
  const blocked = pending.filter((plan) => plan.kind === "blocked");
  for (const plan of blocked) if (!json && (intent === "destroy" || quiet)) words.err(busy(plan, look.err));
  const ready = cut ? [] : pending.filter((plan) => plan.kind === "ready");
  const leftOut = {
    codes: [...transaction.failures.map(exitOf), ...blocked.map(() => 5)],
    wrong: [...unplanned, ...blocked.map(busyDiagnostic)],
  };
  const refusal =
    ready.length > 0 && transaction.agreed !== true ? await refused(context, ready, leftOut.wrong) : 0;
  if (refusal !== 0) return refusal;
  const code = await carry(context, transaction, ready, leftOut);
  return cut ? 130 : code;
}

/** A destroy that is blocked shows who is in the way instead of a plan; an apply's plan names them itself. */
function showPlans(
  { words, look }: WriteContext,
  { plans, intent, failures, absent = [] }: Transaction,
): void {
  const nothing = intent === "destroy" && plans.length === 0 && failures.length === 0;
  if (absent.length > 0 || nothing) words.err(notApplied(absent));
  const shown = intent === "destroy" ? plans.filter((plan) => plan.kind === "ready") : plans;
  if (shown.length > 0) words.err(planText(shown, look.err));
}

/** Asks, where that was not forgone. @returns 0: go on; 1: the answer was no; 128 + n: signal n instead of an answer */
async function refused(
  { args, words, host, look, ...context }: WriteContext,
  plans: readonly Plan[],
  wrong: readonly Diagnostic[],
): Promise<number> {
  if (args.has("yes")) return 0;
  if (!context.interactive || context.json) {
    if (!context.json && !context.quiet) words.err("\n");
    const nobody = usage("nobody is there to ask: without a terminal -y is required", args.command);
    throw context.json ? new Failure(3, [...wrong, ...diagnosticsOf(nobody)]) : nobody;
  }
  const stop = new AbortController();
  let by = "SIGINT";
  const done = host.onSignal((signal) => {
    by = signal;
    stop.abort();
  });
  const answer = await words.ask(question(plans, look.err), stop.signal);
  done();
  if (/^y(es)?$/i.test(answer?.trim() ?? "")) return 0;
  words.err(`${answer === undefined ? "\n" : ""}Nothing was changed.\n`);
  return stop.signal.aborted ? exitStatus({ signal: by }) : 1;
}
