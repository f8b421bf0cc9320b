import type { Command, Flag } from "#model/commands";
import { COMMANDS, GLOBAL_FLAGS } from "#model/commands";
import { failure } from "#model/diagnostic";
import { nearest } from "#model/nearest";
import { shell } from "#views/text";

/** A command line, taken apart and checked against the table. */
export type Args = {
  readonly command?: Command;
  readonly operands: readonly string[];
  /** Behind `--`; undefined without one. */
  readonly rest?: readonly string[];
  has(flag: string): boolean;
  value(flag: string): string | undefined;
  values(flag: string): readonly string[];
};

/** @throws Failure (exit 3) that names the mistake and the nearest right word */
export function parseArgs(argv: readonly string[]): Args {
  const given = new Map<string, string[]>();
  const words: string[] = [];
  let rest: readonly string[] | undefined;
  let command: Command | undefined;
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === "--") {
      rest = queue;
      break;
    }
    if (word.startsWith("-") && word !== "-") {
      const { flag, value, more } = matchFlag(word, command);
      if (more !== undefined) queue.unshift(more);
      const text = flag.value === undefined ? value : (value ?? queue.shift());
      if (flag.value === undefined && value !== undefined)
        throw usage(`--${flag.name} takes no value`, command);
      // An empty one is a variable of the caller's script that is not set: `--state-dir ""` must not mean this directory.
      if (flag.value !== undefined && (text ?? "") === "")
        throw usage(`--${flag.name} wants a value: ${flag.value}`, command);
      given.set(flag.name, [...(given.get(flag.name) ?? []), text ?? ""]);
    } else if (command === undefined && WORDS.includes(word)) given.set(word, []);
    else if (command === undefined) command = findCommand(word);
    else if ((command.name === "run" || command.name === "exec") && words.length === 1)
      throw unseparated(command, words[0]!, [word, ...queue]);
    else words.push(word);
  }
  return {
    ...(command === undefined ? {} : { command }),
    operands: words,
    ...(rest === undefined ? {} : { rest }),
    has: (flag) => given.has(flag),
    value: (flag) => given.get(flag)?.at(-1),
    values: (flag) => given.get(flag) ?? [],
  };
}

/** What `-i` and `-t` say about a terminal for what is run. */
export function terminalMode(args: Args): "auto" | "always" | "never" {
  if (args.has("tty")) return "always";
  return args.has("interactive") ? "never" : "auto";
}

/** Commands elsewhere, options here. */
const WORDS = ["help", "version"];

/** What the same thing is called by tools that people come from. */
const SYNONYMS: Readonly<Record<string, string>> = {
  up: "apply",
  create: "apply",
  down: "destroy",
  delete: "destroy",
  remove: "destroy",
  list: "ls",
  status: "drift",
  inspect: "show",
  check: "validate",
  shell: "run",
};

function findCommand(word: string): Command {
  const found = COMMANDS.find((c) => c.name === word);
  if (found !== undefined) return found;
  const names = COMMANDS.map((c) => c.name);
  const near = SYNONYMS[word] ?? nearest(word, names);
  throw usage(`no command "${word}"`, undefined, near === undefined ? undefined : `Did you mean "${near}"?`);
}

/** `run ENV CMD…`, `exec RUN CMD…`: nothing of the command may be taken for an option of envctl's. */
function unseparated(command: Command, env: string, rest: readonly string[]): Error {
  return usage("the command goes behind --", command, `envctl ${command.name} ${env} -- ${shell(rest)}`);
}

type Match = { readonly flag: Flag; readonly value?: string; /** `-q` of `-yq`. */ readonly more?: string };

/** `--name`, `--name=value`, `-n`, `-nvalue`, `-nm`. */
function matchFlag(word: string, command: Command | undefined): Match {
  const flags = [...(command?.flags ?? []), ...GLOBAL_FLAGS];
  if (!word.startsWith("--")) {
    const flag = flags.find((f) => f.short === word[1]);
    if (flag === undefined) throw usage(`no option ${word.slice(0, 2)}`, command);
    const more = word.slice(2);
    if (more === "") return { flag };
    return flag.value === undefined ? { flag, more: `-${more}` } : { flag, value: more };
  }
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = flags.find((f) => f.name === name);
  if (flag === undefined) {
    const near = nearest(
      name,
      flags.map((f) => f.name),
    );
    throw usage(`no option --${name}`, command, near === undefined ? undefined : `Did you mean --${near}?`);
  }
  return equals < 0 ? { flag } : { flag, value: word.slice(equals + 1) };
}

/** A mistake on the command line. */
export function usage(summary: string, command: Command | undefined, hint?: string): Error {
  const help = `See: envctl ${command === undefined ? "" : `${command.name} `}--help`;
  // A sentence goes on; a command line stands alone.
  const gap = /[.?]$/.test(hint ?? "") ? " " : "\n";
  return failure(3, "usage", summary, { hint: hint === undefined ? help : `${hint}${gap}${help}` });
}
