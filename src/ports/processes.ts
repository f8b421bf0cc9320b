import type { AbsPath } from "#model/brand";
import type { Ending, LaunchSpec, UserIds } from "#model/launch";
import type { Stage } from "./mounts.ts";

/** A started entry. */
export type Running = {
  readonly pid: number;
  /** How it ended; resolves after the child was reaped. */
  readonly ended: Promise<Ending>;
  /** Sends a signal to it, e.g. `SIGTERM`; false where it is gone. */
  signal(name: string): boolean;
};

/** The prepared root of a launch, valid inside the stage alone. */
export type LaunchPort = {
  /**
   * The whole synchronous launch: private namespaces, `build` makes the root (answers its path), then /proc, /dev, /sys, the waiting PID 1
   * in its cgroups, pivot_root, old root detached, `resolve` reads the root for user and command, "go", and back to the host's namespace.
   */
  launch(spec: LaunchSpec, build: (stage: Stage) => AbsPath, resolve: (root: AbsPath) => UserIds): Running;
};
