// Whole processes measured in turn, A B C A B C …: a machine that drifts or is busy with something else slows all of them alike.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A command to measure. `status`: the exit code that means it worked; anything else stops the measurement. */
export type Subject = {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly status?: number;
  /** Undoes what a run did, outside of the measured time. */
  readonly after?: () => void;
};

/** Wall times sorted, and the mean of user and system time of everything that was waited for, in milliseconds. */
export type Measured = { readonly name: string; readonly ms: readonly number[]; readonly cpu: number };

/** User and system time of all reaped children so far (cutime and cstime of proc_pid_stat(5)), in ms. */
function childrenCpu(): number {
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10; // USER_HZ is 100 on every port
}

function once(subject: Subject): { readonly ms: number; readonly cpu: number } {
  const { argv, cwd, env, status = 0 } = subject;
  const [file, ...args] = argv;
  const cpu = childrenCpu();
  const start = process.hrtime.bigint();
  const done = spawnSync(file, args, { cwd, env: env ?? process.env, stdio: ["ignore", "ignore", "pipe"] });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (done.error !== undefined) throw done.error;
  if (done.status !== status) {
    throw new Error(
      `${subject.name} ended with ${done.signal ?? done.status}, not ${status}:\n${argv.join(" ")}\n${String(done.stderr)}`,
    );
  }
  const spent = childrenCpu() - cpu;
  subject.after?.();
  return { ms, cpu: spent };
}

/** Runs every subject `runs` times in turn, after `warmup` turns that do not count. */
export function interleave(subjects: readonly Subject[], runs: number, warmup: number): readonly Measured[] {
  const samples = subjects.map((): { ms: number; cpu: number }[] => []);
  for (let turn = -warmup; turn < runs; turn++) {
    for (const [index, subject] of subjects.entries()) {
      const sample = once(subject);
      if (turn >= 0) samples[index]!.push(sample);
    }
  }
  return subjects.map(({ name }, index) => {
    const own = samples[index]!;
    return {
      name,
      ms: own.map((s) => s.ms).sort((a, b) => a - b),
      cpu: own.reduce((sum, s) => sum + s.cpu, 0) / own.length,
    };
  });
}

/** The middle of a sorted list. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
