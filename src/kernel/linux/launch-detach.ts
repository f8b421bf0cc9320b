import { fchownSync } from "node:fs";
import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { LaunchSpec, UserIds } from "#model/launch";
import type { Detachment } from "#ports/processes";
import { AT_FDCWD, O } from "./flags.ts";
import { writeAll } from "./inside.ts";
import { FD, find, type Helpers } from "./launch-helpers.ts";
import { readWithin } from "./launch-spawn.ts";
import { nodeCall } from "./node-call.ts";
import { fchmod, openat } from "./syscalls-file.ts";

/**
 * Waits for a detached entry: a shell, because it needs 2 MB where Node needs 40. Its one child is born into the new pid namespace
 * (`unshare --pid`), tells its number on the host and becomes the entry; from then on the shell uses builtins alone. It stands in the
 * directory of the run's memory group, whose counters it can so still read once the entry's root is its own too.
 *
 * In the foreground, since a shell lets background jobs ignore SIGINT. Its descriptor 2 is the status file: there a shell says by itself
 * what signal ended a foreground child, which `$?` does not tell from an exit with 128 + n. A signal to the shell waits for the entry's end.
 */
const SUPERVISOR = `trap : HUP INT QUIT TERM
cd "$1" && _envctl_file=$2 && shift 2 || exit 125
(read -r _envctl_pid _envctl_rest </proc/self/stat && echo "$_envctl_pid" >&${FD.ok} && exec "$@" 2>&0 </dev/null)
_envctl_code=$?
echo code $_envctl_code >&2
[ -r "$_envctl_file" ] && while read -r _envctl_key _envctl_value
do [ "$_envctl_key" = oom_kill ] && echo "oom_kill $_envctl_value"
done <"$_envctl_file" >&2
echo ended >&2
exit $_envctl_code`;

/** Descriptors 0 to 2 of a supervisor: the entry's standard error, its standard output, the status file. */
export type Stdio = readonly [err: number, out: number, status: number];

/** The command line of a supervisor around that of an entry, which gets a session of its own: its signals to its group end there. */
export function supervised(
  { unshare, sh }: Helpers,
  { cgroups }: Pick<LaunchSpec, "cgroups">,
  argv: readonly string[],
): readonly [string, ...string[]] {
  const memory = cgroups.find((g) => g.controllers.includes("memory"));
  const counters = memory?.version === 1 ? "memory.oom_control" : "memory.events";
  const words = [memory?.dir ?? "/", counters, find("setsid"), ...argv];
  return [unshare, "--pid", sh, "-c", SUPERVISOR, "envctl", ...words];
}

/** Makes or goes on with the files of a run (0600); their descriptors go onto `fds`. @throws KernelError */
export function openStdio({ stdout, stderr, status }: Detachment, fds: number[]): Stdio {
  const open = (path: AbsPath): number => {
    const fd = openat(AT_FDCWD, path, O.WRONLY | O.CREAT | O.APPEND | O.NOFOLLOW, 0o600);
    fds.push(fd);
    fchmod(fd, 0o600);
    return fd;
  };
  const files: Stdio = [open(stderr), open(stdout), open(status)];
  // So that it has a block by the end, when the run's own output may have filled the disk.
  writeAll(files[2], "\n");
  return files;
}

/** So that an entry may open /dev/stdout and /dev/stderr anew. @throws KernelError */
export function giveLogs([err, out]: Stdio, { uid, gid }: UserIds): void {
  for (const fd of [err, out])
    nodeCall(
      "chown",
      () => `fchown(${fd}, ${uid}, ${gid})`,
      () => fchownSync(fd, uid, gid),
    );
}

/** The number of a supervisor's child, its first word. @throws Failure 125 */
export function awaitPid(ok: number, ms: number): number {
  let word = "";
  // Byte by byte: what follows is another's to read.
  for (let byte = ""; byte !== "\n"; word += byte) {
    byte = readWithin(ok, ms, 1) ?? "";
    if (byte === "") throw failure(125, "kernel", "the supervisor of the run ended before it was started");
  }
  return Number(word);
}
