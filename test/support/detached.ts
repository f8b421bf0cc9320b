// Detached runs as a test sees them: what ps says, and the processes behind it.
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { until } from "./occupant.ts";
import type { Project, RunOptions } from "./project.ts";
import { slow } from "./slow.ts";

/** A run of envctl.ps/1. */
export type Run = {
  readonly run: string;
  readonly state: "running" | "ended" | "lost";
  readonly pid?: number;
  readonly status?: number;
  readonly signal?: string;
  readonly oom_kills?: number;
  readonly ran_ms?: number;
  readonly started_at: string;
  readonly ended_at?: string;
  readonly command: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number };
  readonly stdout: string;
  readonly stderr: string;
};

export function psOf(p: Project, ...words: readonly string[]): readonly Run[] {
  return p.json<{ runs: readonly Run[] }>(["ps", ...words]).runs;
}

/** The run of a name. */
export function runOf(p: Project, name: string): Run {
  const found = psOf(p).find(({ run }) => run === name);
  if (found === undefined)
    throw new Error(
      `no run ${name}: ${psOf(p)
        .map(({ run }) => run)
        .join(", ")}`,
    );
  return found;
}

/** Starts a detached run; answers its name, the pid of its entry and that of its supervisor. A script that says when it is up is waited for. */
export function detach(
  p: Project,
  words: readonly string[],
  options: RunOptions = {},
): { readonly name: string; readonly pid: number; readonly supervisor: number } {
  const name = p.ok(["run", "-d", ...words], 0, options).stdout.trim();
  const { pid, stdout } = runOf(p, name);
  const up = (): boolean => /^up$/m.test(readFileSync(stdout, "utf8"));
  for (let waited = 0; words.at(-1)?.includes("echo up") && !up(); waited += 10) {
    if (waited > slow(10_000)) throw new Error(`${name} never said that it is up`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  return { name, pid: pid!, supervisor: Number(stat(pid!)[1]) };
}

/** Fields of /proc/PID/stat from the third on: state, ppid, pgrp, session, tty_nr, … */
export function stat(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** A process and all that came of it, by their parents. */
export function family(pid: number): readonly number[] {
  const parents = readdirSync("/proc").flatMap((name): (readonly [number, number])[] => {
    try {
      return /^\d+$/.test(name) ? [[Number(name), Number(stat(Number(name))[1])]] : [];
    } catch {
      return []; // ended meanwhile
    }
  });
  const below = (one: number): number[] => [
    one,
    ...parents.filter(([, parent]) => parent === one).flatMap(([child]) => below(child)),
  ];
  return below(pid);
}

/** Waits until processes are gone, zombies too: the machine's first process takes its time to reap. */
export async function gone(pids: readonly number[]): Promise<void> {
  const there = (): readonly number[] => pids.filter((pid) => existsSync(`/proc/${pid}`));
  await until(`processes ${pids.join(", ")} are gone`, () => there().length === 0);
}

/** The namespaces of a process by name. */
export function namespacesOf(pid: number | string): Readonly<Record<string, string>> {
  const dir = `/proc/${pid}/ns`;
  const names = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
  return Object.fromEntries(names.map((name) => [name, readlinkSync(join(dir, name))]));
}
