import { isHostRoot } from "./rootless.ts";

/**
 * Where state lies unless `--state-dir` says so (contract). Relative paths in these variables are to be ignored (XDG Base Directory
 * Specification); where none says where home is, nothing can be made, and the sentence about that says what to set.
 */
export function defaultState(variables: NodeJS.ProcessEnv): string {
  const { ENVCTL_STATE_DIR: given, XDG_STATE_HOME: home, HOME: user } = variables;
  if (given) return given;
  if (isHostRoot()) return "/var/lib/envctl";
  if (home?.startsWith("/")) return `${home}/envctl`;
  return `${user?.startsWith("/") ? user : ""}/.local/state/envctl`;
}

/** What the arguments say of it, before they are parsed: good enough to look for bytecode there, and for nothing else. */
export function likelyState(argv: readonly string[], variables: NodeJS.ProcessEnv): string {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  const at = own.findLastIndex((word) => word.startsWith("--state-dir"));
  const word = own[at]?.slice("--state-dir".length);
  return (word === "" ? own[at + 1] : word?.slice(1)) ?? defaultState(variables);
}
