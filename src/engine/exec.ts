import type { AbsPath } from "#model/brand";
import type { DetachedRun } from "#model/detached";
import { failure, KernelError } from "#model/diagnostic";
import { exitStatus, type JoinSpec } from "#model/launch";
import { findCommand } from "#launch/command";
import { DEFAULT_PATH } from "#launch/environment";
import { lives } from "#observe/runs";
import type { Running } from "#ports/processes";
import type { ControlHost } from "./host.ts";
import { notRunning } from "./runs.ts";

/** Runs a command beside a running entry and answers its exit status. @throws Failure 125, 126, 127; then nothing of it is left */
export async function execIn(
  host: ControlHost,
  run: DetachedRun,
  {
    command,
    terminal,
  }: { readonly command: readonly string[]; readonly terminal: "auto" | "always" | "never" },
): Promise<number> {
  const tty = terminal === "always" || (terminal === "auto" && host.terminal);
  const running = startBeside(host, run, command, tty ? "terminal" : "ours");
  host.lap("launch");
  const done = host.onSignal((signal) => void running.signal(signal, byKey(signal) ? "group" : undefined));
  try {
    return exitStatus(await running.ended);
  } finally {
    done();
    host.lap("entry");
  }
}

/**
 * Starts a command beside a running entry, as it: its user, environment, namespaces, groups and capabilities.
 * @throws Failure 125, 126, 127; then nothing of it is left
 */
export function startBeside(
  host: ControlHost,
  run: DetachedRun,
  command: readonly string[],
  stdio: JoinSpec["stdio"],
): Running {
  const { entry, user, workdir, cgroups } = run.record;
  const root = `/proc/${entry.pid}/root` as AbsPath;
  try {
    const env = environmentOf(host, entry.pid, stdio === "terminal");
    const at = { reader: host.reader, root, workdir, path: env["PATH"] ?? DEFAULT_PATH };
    const ready = { user, argv: command, program: findCommand(at, command[0] ?? ""), env };
    // Asked last: until its number is joined it may end and become another's in theory alone.
    if (!lives(host.reader, entry)) throw notRunning([run]);
    return host.join.join({ pid: entry.pid, workdir, cgroups, stdio }, ready);
  } catch (error) {
    if (!lives(host.reader, entry)) throw notRunning([run]);
    throw error instanceof KernelError && error.call.startsWith("execve(") ? notExecuted(error) : error;
  }
}

/** What the keyboard sends goes to all of a command's processes, as a terminal would do. */
const byKey = (signal: string): boolean => signal === "SIGINT" || signal === "SIGQUIT";

/**
 * The environment the entry was started with, from its process: it is stored nowhere, since there may be secrets in it
 * (proc_pid_environ(5)). An entry that wrote over it has none.
 */
function environmentOf(
  { reader, variable }: ControlHost,
  pid: number,
  terminal: boolean,
): Readonly<Record<string, string>> {
  const text = reader.textAny(`/proc/${pid}/environ` as AbsPath) ?? "";
  // A reaper still has them as they were handed to the helpers (launch-script.ts).
  const own = text.split("\0").flatMap((line): [string, string][] => {
    const pair = line.replace(/^_envctl_\d+=/, "");
    const equals = pair.indexOf("=");
    return equals < 1 ? [] : [[pair.slice(0, equals), pair.slice(equals + 1)]];
  });
  const term = terminal ? { TERM: variable("TERM") ?? "xterm" } : {};
  return { PATH: DEFAULT_PATH, ...term, ...Object.fromEntries(own) };
}

/** A program that is there and cannot be executed after all: no interpreter, not for this machine, not for this user (execve(2)). */
function notExecuted(error: KernelError): Error {
  const code = error.errno === "ENOENT" ? 127 : 126;
  const { call, errno } = error;
  return failure(code, "no_command", "the command cannot be executed inside", { call, errno }, error);
}
