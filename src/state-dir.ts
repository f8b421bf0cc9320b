/** Where state lies unless `--state-dir` says so (contract). `rootless`: an ordinary user, whatever the ids look like. */
export function defaultState(variables: NodeJS.ProcessEnv, rootless: boolean): string {
  const { ENVCTL_STATE_DIR: given, XDG_STATE_HOME: home, HOME: user } = variables;
  if (given !== undefined) return given;
  if (process.geteuid?.() === 0 && !rootless) return "/var/lib/envctl";
  return `${home ?? `${user ?? "/"}/.local/state`}/envctl`;
}

/** What the arguments say of it, before they are parsed: good enough to look for bytecode there, and for nothing else. */
export function likelyState(
  argv: readonly string[],
  variables: NodeJS.ProcessEnv,
  rootless: boolean,
): string {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  const at = own.findLastIndex((word) => word.startsWith("--state-dir"));
  const word = own[at]?.slice("--state-dir".length);
  return (word === "" ? own[at + 1] : word?.slice(1)) ?? defaultState(variables, rootless);
}
