import { runName, type DetachedRun } from "#model/detached";
import { paint, type Paint } from "./ansi.ts";
import { symbols, type Look } from "./look.ts";
import { age, count, cut, duration, inert, oneLine, shell, table, width } from "./text.ts";

const TITLES = ["RUN", "STATE", "SINCE", "PID", "STATUS", "COMMAND"];

/** Detached runs, a line each: how long they have been as they are, and how they ended. The command is cut at the terminal's edge. */
export function psText(given: readonly DetachedRun[], look: Look, now: number): string {
  const runs = inert(given);
  if (runs.length === 0) return "No detached runs here. Start one: envctl run -d ENV\n";
  const p = paint(look.color);
  const cells = runs.map((run) => [
    runName(run.record),
    run.state,
    age(now - runSince(run)),
    run.state === "running" ? `${run.record.entry.pid}` : "-",
    statusText(run) || "-",
  ]);
  const used = table([TITLES.slice(0, -1), ...cells])
    .map((line) => width(line))
    .reduce((most, one) => Math.max(most, one), 0);
  const room = Math.max(20, look.columns - used - 2);
  const rows = runs.map((run, i) => {
    const [name = "", , ...rest] = cells[i]!;
    const command = cut(oneLine(shell(run.record.command)), room, symbols(look).more);
    return [name, runStateText(run, p), ...rest, command];
  });
  return `${table([TITLES.map((title) => p.dim(title)), ...rows]).join("\n")}\n`;
}

/** Names alone, for other commands. */
export function psNames(runs: readonly DetachedRun[]): string {
  return runs.map(({ record }) => `${inert(runName(record))}\n`).join("");
}

/** How stopping a run ended it. */
export function stoppedText(run: DetachedRun): string {
  return `${inert(runName(run.record))}  ${endingText(run)}\n`;
}

/** When it began to be as it is, in seconds since the epoch. */
export function runSince(run: DetachedRun): number {
  return run.state === "ended" ? run.endedAt : run.record.startedAt;
}

/** `exit 0`, `SIGTERM`, `out of memory`; empty while it runs. */
function statusText(run: DetachedRun): string {
  if (run.state === "running") return "";
  if (run.state === "lost") return "unknown";
  const { ending, oomKills } = run;
  if ("signal" in ending)
    return ending.signal === "SIGKILL" && oomKills > 0 ? "out of memory" : ending.signal;
  return [`exit ${ending.code}`, ...(oomKills > 0 ? [count(oomKills, "OOM kill")] : [])].join(", ");
}

/** The same, and how long it ran. */
export function endingText(run: DetachedRun): string {
  if (run.state !== "ended") return statusText(run);
  const ms = Math.max(0, run.endedAt - run.record.startedAt) * 1000;
  return `${statusText(run)}, ran ${duration(ms)}`;
}

/** Green runs, yellow did not end well. */
export function runStateText(run: DetachedRun, p: Paint): string {
  if (run.state === "running") return p.green(run.state);
  const well = run.state === "ended" && "code" in run.ending && run.ending.code === 0;
  return well ? run.state : p.yellow(run.state);
}
