import type { AbsPath } from "#model/brand";

/** Writes to cgroup file systems. Every call first proves that the path lies on one (fstatfs magic), so an ordinary file is never made. */
export type Cgroups = {
  /** mkdir; an existing group is fine and answered with false. */
  create(dir: AbsPath): boolean;
  /** Writes one control file; the value goes in one write(2). */
  write(dir: AbsPath, file: string, value: string): void;
  /** rmdir; EBUSY is retried with growing delays for at most `patienceMs`. */
  remove(dir: AbsPath, patienceMs: number): void;
  /** SIGKILL to one process. ESRCH is fine. */
  kill(pid: number): void;
  /** Sleeps without the event loop (Atomics.wait). */
  pause(ms: number): void;
};
