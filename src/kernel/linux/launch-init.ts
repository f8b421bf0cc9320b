import { FD, find, type Helpers, look } from "./launch-helpers.ts";

/** Small inits that take `-- COMMAND`, reap what is orphaned and hand signals on. */
const INITS: readonly string[] = ["tini", "catatonit", "dumb-init", "docker-init"];

/**
 * A shell as PID 1 where the host has no init. It stays in front of a wait of its own, which reaps orphans too; from then on it uses
 * builtins alone, since the host's programs are out of its sight. A signal interrupts that wait: the entry is waited for again, unless
 * it has been reaped already.
 *
 * The entry is in a session of its own: it has the terminal, and signals meant for its group do not reach this shell. A shell lets a
 * background job ignore SIGINT and SIGQUIT for good; only a program like env(1) of coreutils (8.31) takes that back.
 */
const reaper = (env: string, setsid: string): string => `exec ${FD.cgroups}<&0
_envctl_default="${env} --default-signal=INT,QUIT"
$_envctl_default true 2>/dev/null || _envctl_default=
${setsid} $_envctl_default "$@" <&${FD.cgroups} ${FD.cgroups}<&- &
_envctl_child=$!
exec ${FD.go}<&- ${FD.ok}>&- ${FD.cgroups}<&-
for _envctl_name in HUP INT QUIT USR1 USR2 ALRM TERM
do trap "_envctl_got=1; kill -$_envctl_name $_envctl_child 2>/dev/null" $_envctl_name
done
while :
do
  _envctl_got=
  wait $_envctl_child
  _envctl_code=$?
  [ -n "$_envctl_got" ] && kill -0 $_envctl_child 2>/dev/null || exit $_envctl_code
done`;

/** What is put before an entry's command so that PID 1 is an init. @throws Failure 125 */
export function initCommand({ sh }: Pick<Helpers, "sh">, terminal: boolean): Init {
  const found = look(INITS);
  if (found !== undefined) return { words: [found, "--"], takesTerminal: true };
  const setsid = `${find("setsid")}${terminal ? " --ctty" : ""}`;
  return { words: [sh, "-c", reaper(find("env"), setsid), "envctl"], takesTerminal: false };
}

/** `takesTerminal`: it is made the terminal's own, and gives its foreground to the entry; else the entry takes it. */
export type Init = { readonly words: readonly string[]; readonly takesTerminal: boolean };
