import { shownName } from "#model/identity";
import type { Diagnostic } from "#model/diagnostic";
import type { BlockedPlan } from "#model/plan";
import type { Holder } from "#model/observed";
import { paint } from "./ansi.ts";
import { symbols, type Look } from "./look.ts";
import { age, block, cut, inert, list, oneLine, pad, shell, table, width } from "./text.ts";

/** Who holds what, a line each; the command is cut at the terminal's edge. */
function holderLines(given: readonly Holder[], look: Look, indent: string): string[] {
  const holders = [...new Map(inert(given).map((h) => [`${h.pid} ${holds(h)}`, h])).values()];
  const pids = Math.max(5, ...holders.map((h) => `${h.pid}`.length));
  const lines = table(
    [
      ["PID".padStart(pids), "USER", "SINCE", "HOLDS", "COMMAND"],
      ...holders.map((h) => [`${h.pid}`.padStart(pids), h.user, age(h.age), holds(h), oneLine(h.command)]),
    ],
    [2, 2, 2, 3],
  );
  const room = Math.max(40, look.columns - indent.length);
  const p = paint(look.color);
  return lines.map((line, i) => indent + (i === 0 ? p.dim(line) : cut(line, room, symbols(look).more)));
}

/** `cwd   /work`; a process that only sees the mounts from its own namespace holds that namespace. */
function holds(holder: Holder): string {
  const [, kind = "", rest = ""] = /^(\S+)(?: (.*))?$/s.exec(oneLine(holder.holds)) ?? [];
  if (holder.namespace !== undefined && (kind === "" || kind === "mount" || kind === "namespace"))
    return `mount namespace ${holder.namespace}`;
  return rest === "" ? kind : `${pad(kind, 4)}  ${rest}`;
}

/** The exit-5 picture: whose processes, or which mounts that are not ours, stand in the way. */
export function busy(given: BlockedPlan, look: Look): string {
  const plan = inert(given);
  const p = paint(look.color);
  return [`${p.red("envctl:")} ${headline(plan)}`, "", ...obstacles(plan, look, "  "), ""].join("\n");
}

function headline(plan: BlockedPlan): string {
  return `${shownName(plan)} ${plan.blocked.length > 0 ? "is busy" : "has a foreign mount inside"}; nothing was changed`;
}

/** The same for machines. */
export function busyDiagnostic(plan: BlockedPlan): Diagnostic {
  const held = plan.blocked.map((h) => `process ${h.pid} (${h.command}) of ${h.user}: ${h.holds}`);
  const mounts = plan.foreign.map((m) => `${m.point}: ${m.type}, mount ${m.id}, not made by envctl`);
  return {
    severity: "error",
    code: "busy",
    summary: headline(plan),
    detail: [...held, ...mounts].join("\n"),
    hint: held.length > 0 ? wayOut(plan) : "Unmount what is not envctl's, then repeat the command.",
  };
}

/** What runs in an environment itself can be ended by its own name. */
function wayOut({ blocked }: BlockedPlan): string {
  return blocked.every((holder) => holder.own)
    ? "These are its own: leave or end them (envctl ps, envctl stop), then repeat the command."
    : "Leave or end these processes, then repeat the command.";
}

/** Holders, foreign mounts, and what to do about them. */
export function obstacles(plan: BlockedPlan, look: Look, indent: string): string[] {
  const parts: string[][] = [];
  if (plan.blocked.length > 0) {
    const apart = [...new Set(plan.blocked.filter((h) => h.namespace !== undefined).map((h) => h.pid))];
    const own = apart.length === 1 ? "a namespace of its own" : "namespaces of their own";
    const see = apart.length === 1 ? "sees" : "see";
    parts.push(holderLines(plan.blocked, look, indent), [
      ...(apart.length > 0
        ? block(indent, `${list(apart.map(String))} ${see} these mounts in ${own}.`, look.columns)
        : []),
      ...block(indent, wayOut(plan), look.columns),
    ]);
  }
  if (plan.foreign.length > 0) {
    const { dir } = plan.observed.place;
    const fixes = plan.foreign.map(
      (m) => `${m.seenBy === undefined ? "" : `nsenter -t ${m.seenBy.pid} -m `}${shell(["umount", m.point])}`,
    );
    parts.push(
      table(
        plan.foreign.map((m) => [
          m.point.startsWith(`${dir}/`) ? m.point.slice(dir.length + 1) : m.point,
          m.type,
          `mount ${m.id}`,
          m.seenBy === undefined
            ? "not made by envctl"
            : `in mount namespace ${m.seenBy.namespace} (pid ${m.seenBy.pid})`,
        ]),
      ).map((line) => indent + line),
      [
        `${indent}Unmount ${plan.foreign.length === 1 ? "it" : "them"}, then repeat the command:`,
        ...fixes.map((fix) => `${indent}  ${fix}`),
      ],
    );
  }
  return parts
    .flatMap((lines, i) => (i === 0 ? lines : ["", ...lines]))
    .map((line) => (width(line) === 0 ? "" : line));
}
