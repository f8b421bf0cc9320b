// Everything a view can draw, by name; each scene is a set of golden files.
import { COMMANDS } from "#model/commands";
import { failure } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import type { StepEvent } from "#model/step";
import { progress } from "#views/apply";
import { busy } from "#views/busy";
import { diagnostics, diagnosticsOf } from "#views/diagnostics";
import { driftText } from "#views/drift";
import { endedText, question } from "#views/ended";
import { graphText } from "#views/graph";
import { commandHelp, overview } from "#views/help";
import { initText } from "#views/init";
import type { Look } from "#views/look";
import { lsText } from "#views/ls";
import { planText } from "#views/plan";
import { oomText } from "#views/run";
import { psNames, psText, stoppedText } from "#views/ps";
import { showText } from "#views/show";
import { validateText } from "#views/validate";
import { awkwardly, drawn } from "./drawn.ts";
import * as f from "./fixtures.ts";
import { morePlans } from "./more-plans.ts";
import { first, nothing, options, rebooted, torn } from "./plans.ts";
import { awkward, bare, detail, entries, mistakes, NOW, oom, report, runs, valid } from "./reports.ts";
import { done, down, failing, memory, refused, stack, steps } from "./steps.ts";

function play(plan: Plan, events: readonly StepEvent[], look: Look, verbose = false): string {
  const shown = progress(plan, look, verbose);
  return shown.head + events.map((event) => shown.line(event)).join("");
}

const sum = { create: 1, update: 1, replace: 2, delete: 0, keep: 4 };

export const scenes: Readonly<Record<string, (look: Look) => string>> = {
  "plan-changes": (look) => planText([f.picture], look),
  "plan-first": (look) => planText([first], look),
  "plan-options": (look) => planText([options], look),
  "plan-rebooted": (look) => planText([rebooted], look),
  "plan-nothing": (look) => planText([nothing("web-tests")], look),
  "plan-several": (look) => planText([nothing("api"), f.picture, nothing("lint")], look),
  ...Object.fromEntries(
    Object.entries(morePlans).map(([name, plan]) => [name, (look: Look) => planText([plan], look)]),
  ),
  "plan-blocked": (look) => planText([f.blocked(f.picture, f.holders, [f.foreign])], look),
  "plan-destroy": (look) => planText([torn], look),
  "plan-destroy-keep": (look) => planText([{ ...torn, keepUpper: true }], look),
  "plan-destroy-nothing": (look) =>
    planText([nothing("web-tests", "destroy"), nothing("api", "destroy")], look),
  "apply-done": (look) =>
    `${question([f.picture], look)}y\n\n` +
    play(
      f.picture,
      [...down.map((s) => done(s)), done(stack, "3 layers"), done(memory, "read back 536870912")],
      look,
    ) +
    endedText({ intent: "apply", ms: 41, summary: sum }, ["web-tests"], look, "entry"),
  "apply-undone": (look) =>
    play(f.picture, failing, look) +
    endedText(
      { intent: "apply", ms: 12, failed: "undone", summary: { ...sum, create: 0 } },
      ["web-tests"],
      look,
    ),
  "apply-kept": (look) =>
    play(f.picture, failing.slice(0, 6), look) +
    endedText(
      { intent: "apply", ms: 1250, failed: "kept", interrupted: true, summary: sum },
      ["web-tests", "api"],
      look,
    ),
  "apply-undo-failed": (look) =>
    play(f.picture, [{ event: "undo_failed", step: stack, error: refused }], look) +
    endedText({ intent: "apply", ms: 65_000, failed: "undo_failed", summary: sum }, ["web-tests"], look),
  "apply-verbose": (look) =>
    play(
      f.picture,
      steps.map((s) => done(s)),
      look,
      true,
    ),
  "apply-verbose-undo": (look) =>
    play(
      first,
      steps.flatMap((s): StepEvent[] => [
        { event: "undo_done", step: s },
        { event: "step_skipped", step: s, why: "interrupted" },
      ]),
      look,
      true,
    ),
  "destroy-done": (look) =>
    `${question([torn], look)}y\n\n` +
    play(
      torn,
      steps.slice(7).map((s) => done(s)),
      look,
    ) +
    endedText({ intent: "destroy", ms: 12, summary: { ...sum, delete: 4 } }, ["web-tests"], look),
  busy: (look) => busy(f.blocked(f.picture, f.holders), look),
  "busy-foreign": (look) =>
    busy(
      f.blocked(
        torn,
        [],
        [f.foreign, { ...f.foreign, id: "913", seenBy: { pid: 51002, namespace: "4026532871" } }],
      ),
      look,
    ),
  drift: (look) => driftText(report, look),
  "drift-clean": (look) =>
    driftText({ envs: [{ ...report.envs[0]!, findings: [], unapplied: false }], unowned: [] }, look),
  ls: (look) => lsText(entries, look, NOW, "/var/lib/envctl"),
  "ls-empty": (look) => lsText([], look, NOW, "/var/lib/envctl"),
  show: (look) => showText(detail, look, NOW),
  "show-fresh": (look) =>
    showText({ ...detail, upper: { form: "tmpfs", bytes: "0", paths: 0 }, state: "running" }, look, NOW),
  "show-bare": (look) => showText(bare, look, NOW),
  validate: (look) => validateText(valid, look),
  "errors-in-a-file": (look) => diagnostics(mistakes, look),
  "errors-awkward": (look) => diagnostics(awkward, look),
  "error-kernel": (look) => diagnostics(diagnosticsOf(refused, "web-tests: cannot mount overlay"), look),
  "error-plain": (look) =>
    diagnostics(
      diagnosticsOf(
        failure(4, "in_use", "web-tests is in use by another envctl (pid 4711, envctl apply, since 3 s)", {
          hint: "Wait for it, or give --lock-timeout.",
        }),
      ),
      look,
    ),
  "error-internal": (look) => diagnostics(diagnosticsOf(new TypeError("x is not a function")), look),
  ps: (look) => psText(runs, look, NOW),
  "ps-empty": (look) => psText([], look, NOW),
  "ps-names": () => psNames(runs),
  stop: () => runs.slice(1, 6).map(stoppedText).join(""),
  "run-oom": (look) => oomText(oom, look),
  "run-oom-child": (look) =>
    oomText(
      {
        limit: "536870912",
        kills: 2,
        ranMs: 900,
        command: ["sh", "-c", "make -j8 all && make check"],
        wasEntry: false,
      },
      look,
    ),
  graph: (look) => graphText(drawn, look),
  "graph-awkward": (look) => graphText(awkwardly, look),
  init: (look) => initText("web-tests", f.FILE, look),
  help: (look) => overview(look),
  ...Object.fromEntries(COMMANDS.map((c) => [`help-${c.name}`, (look: Look) => commandHelp(c, look)])),
};
