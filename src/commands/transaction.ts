import { abreast } from "#engine/abreast";
import type { Carried, Told } from "#engine/carry-out";
import { type Diagnostic, Failure } from "#model/diagnostic";
import type { Ended } from "#model/outcome";
import type { Plan, Summary } from "#model/plan";
import { isSettled, total } from "#model/plan";
import type { StepEvent } from "#model/step";
import { paint } from "#views/ansi";
import { progress, type Progress } from "#views/apply";
import { busy, busyDiagnostic } from "#views/busy";
import { diagnostics, diagnosticsOf } from "#views/diagnostics";
import type { Live } from "#views/live";
import { endedText, question } from "#views/ended";
import { errorJson } from "#views/json";
import { streamJson } from "#views/json-plan";
import { notApplied, planText } from "#views/plan";
import { attemptText } from "#views/steps";
import { turns } from "#views/turns";
import { achieved } from "./achieved.ts";
import { usage } from "./args.ts";
import type { WriteContext } from "./context.ts";
import { complain, worst } from "./context.ts";

/** What apply and destroy have in common: show the plan, ask, carry it out and tell each step, say how it ended. */
export type Transaction = {
  readonly intent: Plan["intent"];
  readonly plans: readonly Plan[];
  carryOut(plan: Plan, tell: Told): Promise<Carried>;
  /** What kept environments from being planned at all; the others go on. */
  readonly failures: readonly unknown[];
  /** A saved plan was agreed to when it was made. */
  readonly agreed?: boolean;
  /** Names of environments that were asked for and are not on this host. */
  readonly absent?: readonly string[];
  readonly next?: "entry" | "no_entry";
};

export async function transact(context: WriteContext, transaction: Transaction): Promise<number> {
  const { plans, intent } = transaction;
  const { words, look, json, quiet, host } = context;
  const stream = streamJson(intent);
  const unplanned = transaction.failures.flatMap((error) => diagnosticsOf(error));
  // Where nothing could be planned, as where a file is bad: no stream begins.
  if (json && plans.length === 0 && unplanned.length > 0) {
    words.out(errorJson(unplanned));
    return worst(transaction.failures.map(exitOf));
  }
  if (!json) for (const failure of transaction.failures) await complain(context, failure);
  if (json) words.out(stream.version(host.version) + stream.planned(plans));
  else if (!quiet) showPlans(context, transaction);
  const pending = plans.filter((plan) => intent === "destroy" || !isSettled(plan));
  const blocked = pending.filter((plan) => plan.kind === "blocked");
  for (const plan of blocked) if (!json && (intent === "destroy" || quiet)) words.err(busy(plan, look.err));
  const ready = pending.filter((plan) => plan.kind === "ready");
  const codes = [...transaction.failures.map(exitOf), ...blocked.map(() => 5)];
  // For machines all that fails is one object, wherever it failed.
  const wrong = [...unplanned, ...blocked.map(busyDiagnostic)];
  const refusal = ready.length > 0 && transaction.agreed !== true ? await refused(context, ready, wrong) : 0;
  if (refusal !== 0) return refusal;
  return carry(context, transaction, ready, codes, wrong);
}

/** A destroy that is blocked shows who is in the way instead of a plan; an apply's plan names them itself. */
function showPlans({ words, look }: WriteContext, { plans, intent, absent = [] }: Transaction): void {
  if (absent.length > 0) words.err(notApplied(absent));
  if (plans.length === 0 && absent.length > 0) return;
  const shown = intent === "destroy" ? plans.filter((plan) => plan.kind === "ready") : plans;
  if (shown.length > 0) words.err(planText(shown, look.err));
}

/** Asks, where that was not forgone. @returns 0: go on; 1: the answer was no; 130: a signal instead of an answer */
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
  const done = host.onSignal(() => stop.abort());
  const answer = await words.ask(question(plans, look.err), stop.signal);
  done();
  if (/^y(es)?$/i.test(answer?.trim() ?? "")) return 0;
  words.err(`${answer === undefined ? "\n" : ""}Nothing was changed.\n`);
  return stop.signal.aborted ? 130 : 1;
}

async function carry(
  context: WriteContext,
  transaction: Transaction,
  ready: readonly Plan[],
  codes: number[],
  wrong: Diagnostic[],
): Promise<number> {
  const { words, look, json, host } = context;
  const stream = streamJson(transaction.intent);
  const began = host.clock.monotonic();
  const leftOut = codes.length > 0;
  const settled = transaction.plans.filter((plan) => plan.kind === "ready" && !ready.includes(plan));
  const summaries: Summary[] = settled.map((plan) => plan.summary);
  let failed: Ended["failed"];
  let interrupted = false;
  const order = turns(ready.length, (text) => void words.err(text));
  await abreast(ready, async (plan) => {
    const say = (text: string): void => order.say(ready.indexOf(plan), text);
    const { ended, told, attempt } = await carryOne(context, transaction, plan, say);
    order.end(ready.indexOf(plan));
    if (ended.kind === "failed") wrong.push(...diagnosticsOf(ended.error, attempt));
    if (ended.kind === "done") summaries.push(plan.summary);
    else {
      if (ended.kind === "failed") codes.push(exitOf(ended.error));
      else interrupted = true;
      failed = failedAs(ended, failed, transaction.intent, context.args.value("on-error"));
      if (failed === "kept") summaries.push(achieved(plan, told));
    }
    return !interrupted;
  });
  if (ready.length > 0 || json) {
    const summary = total(summaries);
    const end: Ended = {
      intent: transaction.intent,
      ms: host.clock.monotonic() - began,
      summary,
      ...(failed === undefined ? {} : { failed }),
      ...(interrupted ? { interrupted } : {}),
      ...(leftOut ? { leftOut } : {}),
    };
    if (json) words.out((wrong.length > 0 ? errorJson(wrong) : "") + stream.summary(end));
    else if (!context.quiet || failed !== undefined)
      words.err(
        endedText(
          end,
          ready.map((plan) => plan.name),
          look.err,
          transaction.next,
        ),
      );
  }
  return interrupted ? 130 : worst(codes);
}

/** One environment: what is told of it by the way goes to `say`. */
async function carryOne(
  context: WriteContext,
  transaction: Transaction,
  plan: Plan,
  say: (text: string) => void,
): Promise<{
  readonly ended: Carried;
  readonly told: readonly StepEvent[];
  readonly attempt: string | undefined;
}> {
  const { words, look, json, quiet } = context;
  const stream = streamJson(transaction.intent);
  const view = progress(plan, look.err, context.verbose);
  if (!json && !quiet) say(`\n${view.head}`);
  let attempt: string | undefined;
  const told: StepEvent[] = [];
  const moving = watch(context, view);
  const ended = await transaction.carryOut(plan, async (_, event) => {
    await moving(event);
    if (event.event === "step_progress") return;
    told.push(event);
    if (event.event === "step_failed") attempt = attemptText(event.step, plan);
    if (json) words.out(stream.step(plan, event));
    else if (!quiet) say(view.line(event));
  });
  if (ended.kind === "failed" && !json)
    say(`\n${diagnostics(diagnosticsOf(ended.error, attempt), look.err)}`);
  return { ended, told, attempt };
}

/** What takes less is over before anybody would look. */
const LIVE_AFTER_MS = 150;

/** Shows how far a step is that takes long: on a terminal with somebody at it, and not in CI. */
function watch(context: WriteContext, view: Progress): (event: StepEvent) => Promise<void> {
  const { host, words, look, json, quiet, interactive } = context;
  const dumb = host.variable("TERM") === "dumb" || (host.variable("CI") ?? "") !== "";
  if (!interactive || json || quiet || dumb) return () => Promise.resolve();
  let [since, line]: [number, Live | undefined] = [0, undefined];
  return async (event) => {
    if (event.event === "step_start") since = host.clock.monotonic();
    if (event.event !== "step_progress") {
      await line?.end();
      line = undefined;
    } else if (line !== undefined) line.update(view.moving(event));
    else if (host.clock.monotonic() - since > LIVE_AFTER_MS) {
      const { columns, unicode, color } = look.err;
      const { live } = await import("#views/live");
      const stage = { columns, unicode, tint: paint(color).yellow, write: (text: string) => words.err(text) };
      line = live(view.moving(event), stage);
    }
  };
}

function failedAs(
  ended: Carried,
  before: Ended["failed"],
  intent: Plan["intent"],
  onError: string | undefined,
): Ended["failed"] {
  if (ended.undone === "failed" || before === "undo_failed") return "undo_failed";
  return intent === "destroy" || onError === "keep" ? "kept" : "undone";
}

function exitOf(error: unknown): number {
  if (error instanceof Failure) return error.exit;
  return diagnosticsOf(error).some((d) => d.errno === "EBUSY") ? 5 : 1;
}
