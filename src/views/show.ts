import { shownName } from "#model/identity";
import { runName } from "#model/detached";
import type { EnvDetail, Waiting } from "#model/outcome";
import { asWritten } from "#model/ready";
import { formatBytes } from "#model/size";
import type { Ready } from "#model/spec";
import { paint, type Paint } from "./ansi.ts";
import { stateText } from "./ls.ts";
import { shown, type Look } from "./look.ts";
import { runSince, runStateText, endingText } from "./ps.ts";
import { age, inert, pad, shell, table } from "./text.ts";
import { limitText, modeText, useText, volumeFlags } from "./values.ts";

/** Everything about one environment. The names of its directories are those of `docker inspect`. */
export function showText(given: EnvDetail, look: Look, now: number): string {
  const env = inert(given);
  const p = paint(look.color);
  const field = (label: string, values: readonly string[]): string[] =>
    values.map((value, i) => `  ${p.dim(pad(i === 0 ? label : "", 11))}  ${value}`);
  const lines = [
    [
      p.bold(shownName(env)),
      ...(env.file === undefined ? [] : [shown(env.file, look)]),
      p.dim(`(${env.id})`),
    ].join("  "),
    "",
    ...field("State", [stateText(env.state, p) + since(env, now)]),
    ...field("File", env.file === undefined ? [] : [env.file + (env.fileExists ? "" : p.yellow(" (gone)"))]),
    ...field("LowerDir", env.lowerDirs),
    ...field("UpperDir", env.upperDir === undefined ? ["none (read-only)"] : [env.upperDir]),
    ...field("MergedDir", [env.mergedDir]),
    ...field("WorkDir", env.workDir === undefined ? ["none"] : [env.workDir]),
    ...field("Written", written(env)),
    ...section(
      "Volumes",
      env.volumes.map((v) => [v.target, volumeFlags(v).join(","), v.path]),
      p,
    ),
    ...section(
      "Tmpfs",
      env.tmpfs.map((t) => [
        t.target,
        t.bytes === undefined ? "half the memory" : formatBytes(t.bytes),
        `mode ${modeText(t.mode)}`,
      ]),
      p,
    ),
    ...section(
      "Limits",
      env.limits.map((l) => [l.name, limitText(l.name, l.value), useOf(l, env, p)]),
      p,
    ),
    ...section("Pressure", pressureRows(env), p),
    ...section("Runs", runRows(env, p, now), p),
    ...section("Entry", entryRows(env), p),
  ];
  return `${lines.join("\n")}\n`;
}

function section(title: string, rows: readonly (readonly string[])[], p: Paint): string[] {
  return rows.length === 0
    ? []
    : ["", `  ${p.bold(title)}`, ...table(rows, [3, 3]).map((line) => `    ${line}`)];
}

function since({ appliedAt, state }: EnvDetail, now: number): string {
  if (appliedAt === undefined) return "";
  const at = new Date(appliedAt * 1000).toISOString().slice(0, 19).replace("T", " ");
  return `${state === "applied" ? "" : ", applied"} ${age(now - appliedAt)} ago (${at} UTC)`;
}

function written({ upper }: EnvDetail): string[] {
  const use = upper.paths === 0 ? "nothing yet" : useText(upper);
  return use === "" ? [] : [`${use}${upper.form === "tmpfs" ? ", on tmpfs" : ""}`];
}

function useOf(limit: EnvDetail["limits"][number], { memory }: EnvDetail, p: Paint): string {
  if (limit.use === undefined) return "";
  if (limit.name !== "memory") return p.dim(`in use: ${limit.use}`);
  const { reached = 0, kills = 0 } = memory ?? {};
  const times = reached === 0 ? "" : `, reached ${reached === 1 ? "once" : `${reached} times`}`;
  return p.dim(`in use: ${formatBytes(limit.use)}${times}${kills === 0 ? "" : `, ${kills} killed`}`);
}

/** What has waited at all in the last five minutes. */
function pressureRows({ pressure }: EnvDetail): readonly (readonly string[])[] {
  const percents = ({ avg10, avg60, avg300 }: Waiting): string =>
    `${avg10} % of 10 s, ${avg60} % of 60 s, ${avg300} % of 300 s`;
  return pressure
    .filter(({ some }) => some.avg10 + some.avg60 + some.avg300 > 0)
    .flatMap(({ resource, some, full }) => [
      [resource, "some wait", percents(some)],
      ...(full === undefined || full.avg10 + full.avg60 + full.avg300 === 0
        ? []
        : [["", "all wait", percents(full)]]),
    ]);
}

function runRows({ runs }: EnvDetail, p: Paint, now: number): readonly (readonly string[])[] {
  return runs.map((run) => {
    const pid = run.state === "running" ? `pid ${run.record.entry.pid}` : endingText(run);
    return [runName(run.record), runStateText(run, p), `${age(now - runSince(run))}`, p.dim(pid)];
  });
}

function entryRows({ entry }: EnvDetail): readonly (readonly string[])[] {
  const env = entry.env.map(({ name, value, passes }) => {
    if (value !== undefined) return `${name}=${shell([value])}`;
    return `${name} ${passes === true ? "(the caller's)" : "(set)"}`;
  });
  return [
    ["command", entry.command === undefined ? "none: run needs one" : shell(entry.command)],
    ...env.map((line, i) => [i === 0 ? "env" : "", line]),
    ["workdir", entry.workdir],
    ...(entry.user === undefined ? [] : [["user", entry.user]]),
    ["hostname", entry.hostname],
    ["network", entry.network === "none" ? "none (only lo)" : "host"],
    ...(entry.init ? [["init", "a reaper as PID 1"]] : []),
    ...capabilityRows(entry.capabilities),
    ...(entry.ready === undefined ? [] : [["ready", readyText(entry.ready)]]),
  ];
}

function capabilityRows({ drop, add }: EnvDetail["entry"]["capabilities"]): string[][] {
  const parts = [
    ...(drop.length === 0 ? [] : [`without ${drop.join(", ")}`]),
    ...(add.length === 0 ? [] : [`with ${add.join(", ")}`]),
  ];
  return parts.length === 0 ? [] : [["capabilities", parts.join("; ")]];
}

function readyText(ready: Ready): string {
  const { tcp, exec, file, timeout } = asWritten(ready);
  const when = tcp !== undefined ? `on port ${tcp}` : exec !== undefined ? `by ${shell(exec)}` : `by ${file}`;
  return `${when}, within ${timeout}`;
}
