// Completion scripts, made from the table of commands. Environments are asked for when they are needed.
import { COMMANDS, GLOBAL_FLAGS, type Command, type Flag } from "#model/commands";
import { pageOf } from "#model/pages";

export type Shell = "bash" | "zsh" | "fish";

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash, zsh, fish };

export function isShell(word: string): word is Shell {
  return Object.hasOwn(SCRIPTS, word);
}

/** The script to be loaded by a shell. */
export function completion(shell: Shell): string {
  return SCRIPTS[shell]();
}

/** The values an option chooses from: `auto|always|never`. */
function choices({ value }: Flag): readonly string[] {
  return value?.includes("|") === true ? value.split("|") : [];
}

const spelled = ({ name, short }: Flag): readonly string[] => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
];

const takesEnvs = ({ takes }: Command): boolean => takes === "one" || takes === "many";
const takesRuns = ({ takes }: Command): boolean => takes === "run" || takes === "runs";

/** Every option with its command; a global one belongs to all. */
const everywhere: readonly (readonly [command: string, flag: Flag])[] = [
  ...COMMANDS.flatMap((c) => c.flags.map((flag) => [c.name, flag] as const)),
  ...GLOBAL_FLAGS.map((flag) => ["", flag] as const),
];

function bash(): string {
  const values = everywhere.filter(([, flag]) => flag.value !== undefined);
  const valueCases = values.map(([command, flag]) => {
    const words = choices(flag);
    const body = words.length > 0 ? `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$cur"))` : files(flag);
    const head = spelled(flag).map((it) => `"${command}":${it}`);
    const any = spelled(flag).map((it) => `*:${it}`);
    return `    ${(command === "" ? any : head).join("|")}) ${body}; return ;;`;
  });
  const commandCases = COMMANDS.map((c) => {
    const flags = c.flags.flatMap(spelled).join(" ");
    const asked = takesEnvs(c) ? "names" : takesRuns(c) ? "runs" : undefined;
    const operands =
      asked === undefined ? (c.words ?? []).join(" ") : `$(envctl completion ${asked} 2>/dev/null)`;
    return `    ${c.name}) flags="${flags}"; words="${operands}" ;;`;
  });
  return `# bash completion for envctl; written by: envctl completion bash
_envctl() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command="" flags="" words="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -- ]] && { compopt -o default; COMPREPLY=(); return; }
    [[ -n $command ]] && continue
    case $word in
      ${GLOBAL_FLAGS.filter((f) => f.value !== undefined)
        .flatMap(spelled)
        .join("|")}) ((i++)) ;;
      -*) ;;
      *) command=$word ;;
    esac
  done
  case "$command:$prev" in
${valueCases.join("\n")}
  esac
  case "$command" in
    "") words="${COMMANDS.map((c) => c.name).join(" ")}" ;;
${commandCases.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    words="$flags ${GLOBAL_FLAGS.flatMap(spelled).join(" ")}"
  elif [[ $cur == */* && " ${COMMANDS.filter(takesRuns)
    .map((c) => c.name)
    .join(" ")} " != *" $command "* ]]; then
    compopt -o default
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _envctl envctl
`;
}

/** What stands for an option's value where it is no word of a few. */
function files({ value }: Flag): string {
  if (value === "DIR") return `COMPREPLY=($(compgen -d -- "$cur"))`;
  return value === "FILE" ? `COMPREPLY=($(compgen -f -- "$cur"))` : "COMPREPLY=()";
}

/** Within single quotes. */
const single = (text: string): string => text.replaceAll("'", `'\\''`);

function zsh(): string {
  const argument = (flag: Flag): string => {
    const words = choices(flag);
    if (words.length > 0) return `:value:(${words.join(" ")})`;
    if (flag.value === "DIR") return ":directory:_files -/";
    return flag.value === "FILE" ? ":file:_files" : `:${flag.value}:`;
  };
  const spec = (flag: Flag): string[] =>
    spelled(flag).map((it) => {
      const told = single(flag.summary).replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:");
      return `'${flag.multiple === true ? "*" : ""}${it}[${told}]${flag.value === undefined ? "" : argument(flag)}'`;
    });
  const cases = COMMANDS.map((c) => {
    const operand = takesEnvs(c)
      ? `'${c.takes === "many" ? "*" : "1"}:environment:_envctl_names'`
      : takesRuns(c)
        ? `'${c.takes === "runs" ? "*" : "1"}:run:_envctl_runs'`
        : c.words === undefined
          ? undefined
          : `'1:word:(${c.words.join(" ")})'`;
    const command = c.name === "run" || c.name === "exec" ? ["'*::command:_normal'"] : [];
    const all = [...c.flags.flatMap(spec), ...(operand === undefined ? [] : [operand]), ...command];
    return `    ${c.name}) _arguments $global ${all.join(" ")} ;;`;
  });
  return `#compdef envctl
# zsh completion for envctl; written by: envctl completion zsh
_envctl_names() {
  local -a names
  names=(\${(f)"$(envctl completion names 2>/dev/null)"})
  _alternative 'names:environment:compadd -a names' 'files:file:_files -g "*.(yaml|yml)"'
}
_envctl_runs() {
  local -a runs
  runs=(\${(f)"$(envctl completion runs 2>/dev/null)"})
  compadd -a runs
}
_envctl() {
  local context state line
  local -a global commands
  global=(
${GLOBAL_FLAGS.flatMap(spec)
  .map((it) => `    ${it}`)
  .join("\n")}
  )
  commands=(
${COMMANDS.map((c) => `    '${c.name}:${single(pageOf(c.name).summary)}'`).join("\n")}
  )
  _arguments -C $global '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands; return ;;
  esac
  case $line[1] in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _envctl ]; then _envctl "$@"; else compdef _envctl envctl; fi
`;
}

function fish(): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const option = (flag: Flag): string => {
    const words = choices(flag);
    const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
    const path = flag.value === "DIR" || flag.value === "FILE";
    const value = flag.value === undefined ? "" : path ? " -r -F" : " -x";
    return `-l ${flag.name}${short}${value}${words.length > 0 ? ` -a ${quoted(words.join(" "))}` : ""} -d ${quoted(flag.summary)}`;
  };
  const lines = COMMANDS.flatMap((c) => [
    `complete -c envctl -n __fish_use_subcommand -a ${c.name} -d ${quoted(pageOf(c.name).summary)}`,
    ...c.flags.map((flag) => `complete -c envctl -n '__fish_seen_subcommand_from ${c.name}' ${option(flag)}`),
    ...(c.words === undefined
      ? []
      : [`complete -c envctl -n '__fish_seen_subcommand_from ${c.name}' -a ${quoted(c.words.join(" "))}`]),
  ]);
  const envs = COMMANDS.filter(takesEnvs)
    .map((c) => c.name)
    .join(" ");
  const runs = COMMANDS.filter(takesRuns)
    .map((c) => c.name)
    .join(" ");
  return `# fish completion for envctl; written by: envctl completion fish
complete -c envctl -f
complete -c envctl -n '__fish_seen_subcommand_from ${envs}' -a '(envctl completion names 2>/dev/null)'
complete -c envctl -n '__fish_seen_subcommand_from ${envs}' -k -a '(__fish_complete_suffix .yaml)'
complete -c envctl -n '__fish_seen_subcommand_from ${runs}' -a '(envctl completion runs 2>/dev/null)'
${GLOBAL_FLAGS.map((flag) => `complete -c envctl ${option(flag)}`).join("\n")}
${lines.join("\n")}
`;
}
