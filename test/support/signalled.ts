// The built command, stopped at a system call by strace(1) and sent a signal there.
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./occupant.ts";
import type { Project } from "./project.ts";

/** Starts a command that is sent a signal while it stands at the nth move_mount(2), which attaches; answers how it ended. */
export async function signalledAt(
  p: Project,
  nth: number,
  signal: NodeJS.Signals,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const log = join(p.dir, "strace.log");
  const inject = `inject=move_mount:signal=STOP:when=${nth}`;
  const child = p.start(args, { before: ["strace", "-o", log, "-e", "trace=move_mount", "-e", inject] });
  let stderr = "";
  child.stderr!.on("data", (data) => (stderr += String(data)));
  child.stdout!.resume();
  const ended = once(child, "close");
  await until(
    "it stands still",
    () => existsSync(log) && readFileSync(log, "utf8").includes("stopped by SIGSTOP"),
  );
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
  process.kill(pid, signal);
  process.kill(pid, "SIGCONT");
  const [code] = (await ended) as [number | null];
  return { code, stderr };
}
