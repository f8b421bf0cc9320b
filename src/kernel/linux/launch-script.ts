import { accessSync, constants, realpathSync } from "node:fs";
import { failure } from "#model/diagnostic";
import type { LaunchSpec, Prepared } from "#model/launch";
import { privileges } from "./launch-privileges.ts";

/** Absolute paths of the host programs a launch goes through. */
export type Helpers = {
  readonly sh: string;
  readonly unshare: string;
  readonly setpriv: string;
  readonly mount: string;
};

const DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/current-system/sw/bin"];

/** Finds the helpers without PATH: an entry's or a caller's must not choose them. @throws Failure 125 */
export function findHelpers(sh: string = find("dash", "sh")): Helpers {
  return { sh, unshare: find("unshare"), setpriv: find("setpriv"), mount: find("mount") };
}

/** @throws Failure 125 */
export function find(...names: readonly string[]): string {
  for (const path of names.flatMap((name) => DIRECTORIES.map((dir) => `${dir}/${name}`))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  throw failure(125, "not_found", `the host has no ${names.at(-1)} in ${DIRECTORIES.join(", ")}`, {
    hint: "install util-linux and a POSIX shell",
  });
}

/** Descriptors in the helpers: where `go` is read, where `ok` is written, and the first cgroup. A POSIX shell can name 0-9 only. */
export const FD = { go: 3, ok: 4, cgroups: 5, last: 9 } as const;

/** A busybox may run its own applet instead of the root's program of that name. */
function searchesPath(sh: string): boolean {
  return /\/(dash|bash)$/.test(realpathSync(sh));
}

// 0 is whoever writes it. The error goes to `ok`, since a shell does not say which write failed.
const join = (index: number): string => {
  const fd = FD.cgroups + index;
  return `{ echo 0 >&${fd}; } 2>/dev/null || { echo cgroup ${index} >&${FD.ok}; exit 125; }; exec ${fd}>&-`;
};

/**
 * The first shell: mounts proc where this kernel wants that done from inside (argument `proc`), joins the cgroups, then becomes
 * `unshare` (the cgroup namespace's root is where it is by then), `setpriv` and the second shell. Errors of a failed join stay silent.
 */
function firstScript(
  { unshare, setpriv, sh, mount }: Helpers,
  cgroups: number,
  privileges: readonly string[],
  terminal: boolean,
  procAt?: string,
): string {
  // The leader of a session that has no terminal yet takes the first one it opens for its own (credentials(7)).
  const own = terminal ? ["exec <>/proc/self/fd/0"] : [];
  const proc =
    procAt === undefined ? [] : [`${mount} -t proc proc ${procAt} || { echo proc >&${FD.ok}; exit 125; }`];
  const chain = `exec ${unshare} --cgroup ${setpriv} ${privileges.join(" ")} ${sh} -c "$1" envctl "$@"`;
  // mount is forked: done after the joins it would need a second process, which `pids: 1` does not allow.
  return [...own, ...proc, ...Array.from({ length: cgroups }, (_, index) => join(index)), chain].join("\n");
}

/**
 * The second shell waits. By the word `go` it stands in the new root; at end of file its parent is dead, and nothing is run.
 * Variables arrive under names that no program looks at, so that the entry's LD_PRELOAD cannot reach the helpers.
 */
function secondScript(variables: number): string {
  const names = Array.from({ length: variables }, (_, index) => `_envctl_${index}`);
  return [
    "umask 022",
    `echo ok >&${FD.ok} && read -r _envctl_word <&${FD.go} && [ "$_envctl_word" = go ] || exit 125`,
    `exec ${FD.go}<&- ${FD.ok}>&-`,
    'shift && cd "$1" && shift || exit 125',
    "unset PWD OLDPWD SHLVL",
    ...(variables === 0
      ? []
      : [`export ${names.map((name) => `"$${name}"`).join(" ")}`, `unset ${names.join(" ")}`]),
    'exec "$@"',
  ].join("\n");
}

/** What is started for an entry. `procAt` is where the child mounts proc; absent: it need not. */
export function entryCommand(
  helpers: Helpers,
  spec: Pick<LaunchSpec, "workdir" | "capabilities" | "cgroups" | "terminal">,
  ready: Prepared,
  procAt?: string,
): { readonly argv: readonly [string, ...string[]]; readonly env: readonly string[] } {
  const variables = Object.entries(ready.env).map(([name, value]) => `${name}=${value}`);
  const [name = "", ...rest] = ready.argv;
  const program = searchesPath(helpers.sh) && !name.startsWith("-") ? name : ready.program;
  const setpriv = ["--pdeathsig", "KILL", ...privileges(ready.user, spec.capabilities), "--"];
  const first = firstScript(helpers, spec.cgroups.length, setpriv, spec.terminal, procAt);
  return {
    argv: [helpers.sh, "-c", first, "envctl", secondScript(variables.length), spec.workdir, program, ...rest],
    env: variables.map((variable, index) => `_envctl_${index}=${variable}`),
  };
}
