import type { Command, Flag } from "#model/commands";
import { COMMANDS, GLOBAL_FLAGS, OWN_STATUS } from "#model/commands";
import { pageOf } from "#model/pages";
import { paint, type Paint } from "./ansi.ts";
import type { Look } from "./look.ts";
import { noted, pad, width, wrap } from "./text.ts";

type Row = readonly [string, string];

/** The exit codes a command can end with. */
export function exits({ name }: Command): readonly Row[] {
  const changes = name === "apply" || name === "destroy";
  const rows: readonly (Row | false)[] = [
    ["0", changes ? "done, or nothing to do" : "done"],
    ["1", changes ? "failed, or the answer was no" : "failed"],
    name === "plan" && ["2", "with --detailed-exitcode: something would change"],
    name === "drift" && ["2", "something drifted"],
    ["3", "bad usage or bad file; nothing was started"],
    (changes || name === "rm") && ["4", "in use by another envctl"],
    changes && ["5", "busy; the holders are named"],
    (name === "stop" || name === "rm") && ["5", "busy: it does not end after SIGKILL"],
    name === "apply" && ["6", "the plan went stale while it was carried out"],
  ];
  return OWN_STATUS.includes(name) ? [] : rows.filter((row) => row !== false);
}

/** `envctl --help`: every command in a line, and what holds for all. */
export function overview(look: Look): string {
  const p = paint(look.color);
  return page(
    [
      [`${p.bold("envctl")}: Terraform for sandboxes, with the Linux kernel as the engine`],
      ["Usage: envctl COMMAND [OPTION…] [ENV…]"],
      titled(
        "Commands",
        COMMANDS.map((c) => [c.name, pageOf(c.name).summary]),
        look,
        p,
      ),
      titled("Everywhere", flagRows(GLOBAL_FLAGS), look, p),
      [
        ...wrap(
          "ENV is a name or id of this host, or a path: anything with a / or ending in .yaml or .yml. Without one: every file in ./envs.",
          room(look),
        ),
      ],
      ["One command in full: envctl COMMAND --help"],
    ],
    look,
  );
}

/** `envctl COMMAND --help`. */
export function commandHelp(command: Command, look: Look): string {
  const p = paint(look.color);
  const { about, examples, summary, synopsis } = pageOf(command.name);
  const options = command.flags.length > 0 && !synopsis.startsWith("[-") ? ["[OPTION…]"] : [];
  const usage = [command.name, ...options, synopsis].filter(Boolean).join(" ");
  return page(
    [
      [`${p.bold(`envctl ${command.name}`)}: ${summary}`],
      [`Usage: envctl ${usage}`],
      wrap(about, room(look)),
      titled("Options", flagRows(command.flags), look, p),
      titled("Examples", examples, look, p),
      titled("Exit status", exits(command), look, p),
      ["Options for all commands: envctl --help"],
    ],
    look,
  );
}

function page(parts: readonly (readonly string[])[], look: Look): string {
  const text = `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
  return look.unicode ? text : text.replaceAll("…", "...");
}

const room = (look: Look): number => Math.min(look.columns, 90);

function titled(title: string, rows: readonly Row[], look: Look, p: Paint): string[] {
  if (rows.length === 0) return [];
  const at = Math.min(46, Math.max(...rows.map(([left]) => width(left) + 4)));
  return [
    p.bold(title),
    ...rows.flatMap(([left, note]) => noted(`  ${left}`, note, at, look.columns, (text) => text)),
  ];
}

function flagRows(flags: readonly Flag[]): readonly Row[] {
  return flags.map(({ name, short, value, summary, multiple }) => [
    `${pad(short === undefined ? "" : `-${short},`, 3)} --${name}${value === undefined ? "" : ` ${value}`}`,
    summary + (multiple === true ? "; may be repeated" : ""),
  ]);
}
