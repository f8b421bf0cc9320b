import type { AbsPath } from "#model/brand";
import type { Ending, LaunchSpec, Prepared } from "#model/launch";
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
