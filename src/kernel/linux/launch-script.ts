import { realpathSync } from "node:fs";
import type { LaunchSpec, Prepared } from "#model/launch";
import { FD, type Helpers } from "./launch-helpers.ts";
import { initCommand, type Init } from "./launch-init.ts";
import { privileges } from "./launch-privileges.ts";

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
  { unshare, setpriv, sh, mount, installer = { options: [], words: [] } }: Helpers,
  cgroups: number,
  privileges: readonly string[],
  { words, takesTerminal }: Init,
  { terminal, filterAt, procAt }: Launching,
): string {
  const filter = filterAt === undefined ? [] : [`exec ${FD.filter}<${filterAt}`];
  // The leader of a session that has no terminal yet takes the first one it opens for its own (credentials(7)).
  const own = terminal && takesTerminal ? ["exec <>/proc/self/fd/0"] : [];
  const proc =
    procAt === undefined
      ? []
      : [`${mount} -t proc proc ${procAt} 2>/dev/null || { echo proc >&${FD.ok}; exit 125; }`];
  const quoted = [...installer.options, ...privileges, "--", ...installer.words, ...words].map(
    (word) => `'${word.replaceAll("'", "'\\''")}'`,
  );
  const chain = `exec ${unshare} --cgroup ${setpriv} ${quoted.join(" ")} ${sh} -c "$1" envctl "$@"`;
  // mount is forked: done after the joins it would need a second process, which `pids: 1` does not allow.
  const joins = Array.from({ length: cgroups }, (_, index) => join(index));
  // A working directory of the host's would be a way back to it: /proc/1/cwd, where an init is PID 1.
  return ["cd / || exit 125", ...own, ...proc, ...joins, ...filter, chain].join("\n");
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
    `exec ${FD.go}<&- ${FD.ok}>&- ${FD.filter}<&-`,
    'shift && cd "$1" && shift || exit 125',
    "unset PWD OLDPWD SHLVL",
    ...(variables === 0
      ? []
      : [`export ${names.map((name) => `"$${name}"`).join(" ")}`, `unset ${names.join(" ")}`]),
    'exec "$@"',
  ].join("\n");
}

type Launching = Pick<LaunchSpec, "terminal"> & { readonly filterAt?: string; readonly procAt?: string };

/**
 * What is started for an entry. `procAt` is where the child mounts proc; absent: it need not. `filterAt` is where it finds its seccomp
 * filter; absent: it has none.
 */
export function entryCommand(
  helpers: Helpers,
  spec: Pick<LaunchSpec, "workdir" | "capabilities" | "cgroups" | "terminal" | "init">,
  ready: Prepared,
  { filterAt, procAt }: { readonly filterAt?: string; readonly procAt?: string },
): { readonly argv: readonly [string, ...string[]]; readonly env: readonly string[] } {
  const variables = Object.entries(ready.env).map(([name, value]) => `${name}=${value}`);
  const [name = "", ...rest] = ready.argv;
  const program = searchesPath(helpers.sh) && !name.startsWith("-") ? name : ready.program;
  const init = spec.init ? initCommand(helpers, spec.terminal) : { words: [], takesTerminal: true };
  const setpriv = ["--pdeathsig", "KILL", ...privileges(ready.user, spec.capabilities)];
  const first = firstScript(helpers, spec.cgroups.length, setpriv, init, {
    terminal: spec.terminal,
    ...(filterAt === undefined ? {} : { filterAt }),
    ...(procAt === undefined ? {} : { procAt }),
  });
  return {
    argv: [helpers.sh, "-c", first, "envctl", secondScript(variables.length), spec.workdir, program, ...rest],
    env: variables.map((variable, index) => `_envctl_${index}=${variable}`),
  };
}
