import { COMMANDS, GLOBAL_FLAGS, type Flag } from "#model/commands";
import { pageOf } from "#model/pages";

/** For troff: backslashes and hyphens are spelled out, and no line begins with a control character (groff_man(7)). */
const roff = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1")
    .replaceAll("…", "...");

function flags(all: readonly Flag[]): string[] {
  return all.flatMap(({ name, short, value, summary }) => {
    const names = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].map(
      (it) => `\\fB${roff(it)}\\fR`,
    );
    return [".TP", names.join(", ") + (value === undefined ? "" : ` \\fI${roff(value)}\\fR`), roff(summary)];
  });
}

/** The manual page envctl(1), made from the table of commands. */
export function manPage(version: string): string {
  const commands = COMMANDS.flatMap(({ name, flags: own }) => {
    const { synopsis, summary, about, examples } = pageOf(name);
    return [
      `.SS "${roff(`envctl ${name} ${synopsis}`.trim())}"`,
      roff(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`),
      ".PP",
      roff(about),
      ...flags(own),
      ...examples.flatMap(([example, what]) => [
        ".TP",
        `\\fB${roff(example)}\\fR`,
        what === "" ? roff(`${summary}.`) : roff(what),
      ]),
    ];
  });
  const exits: readonly (readonly [string, string])[] = [
    ["0", "done, or nothing to do"],
    ["1", "failed, or the answer was no"],
    ["2", "differences: plan --detailed-exitcode, drift"],
    ["3", "bad usage or a bad file; nothing was started"],
    ["4", "in use by another envctl"],
    ["5", "busy; the holders are named"],
    ["6", "stale plan"],
    ["125, 126, 127", "of run: envctl failed, not executable, not found; all else is the command's own"],
    ["128+n", "ended by signal n"],
  ];
  return `${[
    `.TH ENVCTL 1 "" "envctl ${roff(version)}" "User Commands"`,
    ".SH NAME",
    roff("envctl - Terraform for sandboxes, with the Linux kernel as the engine").replace(" \\- ", " \\- "),
    ".SH SYNOPSIS",
    "\\fBenvctl\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIENV\\fR]...",
    ".SH DESCRIPTION",
    roff(
      "An environment file declares a root filesystem, extra layers, volumes, limits and an entry. envctl compares it with what the kernel holds, prints what would change, and makes it so.",
    ),
    ".PP",
    roff(
      "ENV is a name or id of this host, or a path: anything with a / or ending in .yaml or .yml. Without one: every file in ./envs.",
    ),
    ".SH COMMANDS",
    ...commands,
    ".SH OPTIONS FOR ALL COMMANDS",
    ...flags(GLOBAL_FLAGS),
    ".SH EXIT STATUS",
    ...exits.flatMap(([code, what]) => [".TP", `\\fB${code}\\fR`, roff(what)]),
    ".SH FILES",
    ".TP",
    "\\fI/var/lib/envctl\\fR",
    roff("Applied environments; --state-dir or ENVCTL_STATE_DIR name another place."),
    ".TP",
    "\\fIenvs/NAME.yaml\\fR",
    roff("Environment files; what they may say: envctl schema."),
  ].join("\n")}\n`;
}
