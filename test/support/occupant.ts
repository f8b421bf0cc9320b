// Processes of a test's own, which hold something open; each is ended by its number, with the test at the latest.
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { slow } from "./slow.ts";

/** A project, which ends its occupants before it destroys what they are in. */
export type AsyncCleanup = { after(fn: () => Promise<void>): void };

export type Occupant = { readonly pid: number; readonly child: ChildProcess; end(): Promise<void> };

/** Starts a program that stays until it is ended. */
export function occupant(
  p: AsyncCleanup,
  argv: readonly [string, ...string[]],
  options: SpawnOptions = {},
): Occupant {
  const child = spawn(argv[0], argv.slice(1), { stdio: "ignore", ...options });
  const gone = once(child, "exit");
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await gone;
  };
  p.after(end);
  if (child.pid === undefined) throw new Error(`${argv[0]} could not be started`);
  return { pid: child.pid, child, end };
}

/** Kills a process, should it be there still. */
export function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until something is so. */
export async function until(what: string, so: () => boolean, patience = 10_000): Promise<void> {
  for (let waited = 0; !so(); waited += 10) {
    if (waited > slow(patience)) throw new Error(`still not so after ${patience} ms: ${what}`);
    await sleep(10);
  }
}

/** Whether a process is there and has left the program that started it: its executable is what it was told to become. */
export function runs(pid: number, program: string): boolean {
  try {
    return existsSync(`/proc/${pid}`) && readlinkSync(`/proc/${pid}/exe`).endsWith(`/${program}`);
  } catch {
    return false;
  }
}
