import type { EnvValue } from "#model/spec";

/** What an entry finds where its file says nothing (row A16). */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a launch takes from its caller. */
export type Caller = {
  readonly variable: (name: string) => string | undefined;
  /** The entry gets one. */
  readonly terminal: boolean;
};

/**
 * The environment of an entry, as Docker makes it: PATH, HOSTNAME, TERM on a terminal, then what the file says. A bare name passes
 * through from the caller and is left out where the caller has none. HOME is added once the root's passwd is read.
 */
export function environmentOf(
  declared: Readonly<Record<string, EnvValue>>,
  hostname: string,
  caller: Caller,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = { PATH: DEFAULT_PATH, HOSTNAME: hostname };
  if (caller.terminal) env["TERM"] = caller.variable("TERM") ?? "xterm";
  for (const [name, value] of Object.entries(declared)) {
    const text = value.kind === "passthrough" ? caller.variable(name) : value.value;
    if (text !== undefined) env[name] = text;
  }
  return env;
}

// Names a shell computes, refuses to set, or would trip over; bash's are here because /bin/sh may be bash.
const RESERVED =
  /^(_|_envctl_.*|IFS|OPTIND|OPTARG|PPID|UID|EUID|GROUPS|SHLVL|SHELLOPTS|LINENO|RANDOM|SRANDOM|SECONDS|DIRSTACK|FUNCNAME|HISTCMD|PIPESTATUS|EPOCH.*|COMP_.*|BASH.*)$/;

/** Whether a shell's `export` hands a variable of this name on unchanged. */
export function isExportable(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !RESERVED.test(name);
}
