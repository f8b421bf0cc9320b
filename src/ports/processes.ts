import type { AbsPath } from "#model/brand";
import type { ProcessId } from "#model/detached";
import type { Ending, JoinSpec, LaunchSpec, Prepared } from "#model/launch";
import type { Stage } from "./mounts.ts";

/** A started entry. */
export type Running = {
  /** As this process's namespace counts. */
  readonly pid: number;
  /** How it ended; resolves after the child was reaped. */
  readonly ended: Promise<Ending>;
  /**
   * Sends a signal to it, e.g. `SIGTERM`, or to its whole process group; false where it is gone. As PID 1 it gets none it has no
   * handler for, but SIGKILL and SIGSTOP (pid_namespaces(7)).
   */
  signal(name: string, group?: "group"): boolean;
  /** Where it has a terminal of its own: told of each key that was meant to signal it (Ctrl-C), after the terminal has done so. */
  onKey?(listener: (signal: string) => void): void;
};

export type LaunchPort = {
  /**
   * The whole synchronous launch (no await between its beginning and its end): private namespaces, `build` makes the root and answers
   * its path, `prepare` reads user and command out of that root, the waiting PID 1 joins its cgroups, /proc, /dev and /sys, pivot_root,
   * old root detached, "go", and back to the caller's namespaces.
   * @throws KernelError or Failure; then the entry never ran, nothing of it is left, and this process is where it was.
   */
  launch(spec: LaunchSpec, build: (stage: Stage) => AbsPath, prepare: (root: AbsPath) => Prepared): Running;
};

export type DetachPort = {
  /**
   * Like `launch`, for an entry that outlives this process: a supervisor of its own waits for it, without a terminal, and writes its ending.
   * `started` is called right before the entry is let go; where it throws, the entry never runs.
   */
  detach(
    spec: LaunchSpec,
    build: (stage: Stage) => AbsPath,
    prepare: (root: AbsPath) => Prepared,
    detached: Detachment,
  ): void;
};

/** Where a detached entry's output goes (made 0600, the entry's user's), and what its supervisor has to say. */
export type Detachment = {
  readonly stdout: AbsPath;
  readonly stderr: AbsPath;
  readonly status: AbsPath;
  /** `pid` is the entry's, as this process's namespace counts. */
  started(supervisor: number, pid: number, ready: Prepared): void;
};

export type JoinPort = {
  /**
   * Starts a command beside a running entry: in its namespaces and cgroups, with its capability bounding set and without new
   * privileges. Synchronous; afterwards this process is where it was. @throws KernelError or Failure; then nothing was started.
   */
  join(spec: JoinSpec, ready: Prepared): Running;
};

/** Signals to processes that somebody else started. */
export type Signals = {
  /** kill(2) of a process that is still the one it was; false where it is gone. Never to a number that became another's. */
  signal(process: ProcessId, name: string): boolean;
};
