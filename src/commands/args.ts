import type { Command, Flag } from "#model/commands";
import { COMMANDS, GLOBAL_FLAGS } from "#model/commands";
import { failure } from "#model/diagnostic";
import { nearest } from "#model/nearest";

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
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "--") {
      rest = argv.slice(i + 1);
      break;
    }
    if (word.startsWith("-") && word !== "-") {
      const { flag, value } = matchFlag(word, command);
      const text = flag.value === undefined ? value : (value ?? argv[++i]);
      if (flag.value === undefined && value !== undefined) throw usage(`--${flag.name} takes no value`, command);
      if (flag.value !== undefined && text === undefined) throw usage(`--${flag.name} wants a value: ${flag.value}`, command);
      given.set(flag.name, [...(given.get(flag.name) ?? []), text ?? ""]);
    } else if (command === undefined) command = findCommand(word);
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

function findCommand(word: string): Command {
  const found = COMMANDS.find((c) => c.name === word);
  if (found !== undefined) return found;
  const near = nearest(word, COMMANDS.map((c) => c.name));
  throw usage(`no command "${word}"`, undefined, near === undefined ? undefined : `Did you mean "${near}"?`);
}

/** `--name`, `--name=value`, `-n`, `-nvalue`. */
function matchFlag(word: string, command: Command | undefined): { flag: Flag; value: string | undefined } {
  const flags = [...(command?.flags ?? []), ...GLOBAL_FLAGS];
  if (!word.startsWith("--")) {
    const flag = flags.find((f) => f.short === word[1]);
    if (flag === undefined) throw usage(`no option ${word.slice(0, 2)}`, command);
    if (word.length > 2 && flag.value === undefined) throw usage(`write ${word} as separate options`, command);
    return { flag, value: word.length > 2 ? word.slice(2) : undefined };
  }
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = flags.find((f) => f.name === name);
  if (flag === undefined) {
    const near = nearest(name, flags.map((f) => f.name));
    throw usage(`no option --${name}`, command, near === undefined ? undefined : `Did you mean --${near}?`);
  }
  return { flag, value: equals < 0 ? undefined : word.slice(equals + 1) };
}

/** A mistake on the command line. */
export function usage(summary: string, command: Command | undefined, hint?: string): Error {
  const help = `See: envctl ${command === undefined ? "" : `${command.name} `}--help`;
  return failure(3, "usage", summary, { hint: hint === undefined ? help : `${hint} ${help}` });
}
