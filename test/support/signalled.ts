// The built command, stopped at a system call by strace(1) and sent a signal there.
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { until } from "./occupant.ts";
import type { Project } from "./project.ts";

/** Whether a process has a handler for a signal (proc_pid_status(5)). */
export function catches(pid: number, signal: NodeJS.Signals): boolean {
  const mask = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return ((BigInt(`0x${mask ?? "0"}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

export type Ended = { readonly code: number | null; readonly stderr: string };

/** A command that stands still before the nth call of this name, until it is sent SIGCONT. */
export async function standingAt(
  p: Project,
  call: string,
  nth: number,
  args: readonly string[],
): Promise<{ readonly pid: number; readonly ended: Promise<Ended> }> {
  const log = join(p.dir, "strace.log");
  const inject = `inject=${call}:signal=STOP:when=${nth}`;
  const child = p.start(args, { before: ["strace", "-o", log, "-e", `trace=${call}`, "-e", inject] });
  let stderr = "";
  child.stderr!.on("data", (data) => (stderr += String(data)));
  child.stdout!.resume();
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stderr }));
  await until(
    "it stands still",
    () => existsSync(log) && readFileSync(log, "utf8").includes("stopped by SIGSTOP"),
  );
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
  return { pid, ended };
}

/** The same, at the call that attaches, where it is sent a signal and goes on; answers how it ended. */
export async function signalledAt(
  p: Project,
  nth: number,
  signal: NodeJS.Signals,
  args: readonly string[],
): Promise<Ended> {
  const { pid, ended } = await standingAt(p, "move_mount", nth, args);
  process.kill(pid, signal);
  process.kill(pid, "SIGCONT");
  return ended;
}
