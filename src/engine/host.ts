import type { AbsPath } from "#model/brand";
import type { DetachedRun, Readiness } from "#model/detached";
import type { Ready } from "#model/spec";
import type { StageName } from "#model/timings";
import type { Cgroups } from "#ports/cgroups";
import type { Clock } from "#ports/clock";
import type { Files } from "#ports/files";
import type { Layers } from "#ports/layers";
import type { Mounts } from "#ports/mounts";
import type { DetachPort, JoinPort, LaunchPort, Signals } from "#ports/processes";
import type { Reader } from "#ports/reader";

export type { Probe } from "#ports/probe";

/** What a command that only looks is given: nothing in it can change the host. */
export type ReadHost = {
  readonly reader: Reader;
  readonly clock: Clock;
  /** Ends a stage: what passed since the end of the one before was its time (`--timings`). */
  readonly lap: (stage: StageName) => void;
  /** The caller's environment, with `--var` before it. */
  readonly variable: (name: string) => string | undefined;
  readonly version: string;
  readonly cwd: AbsPath;
  readonly state: AbsPath;
  /** `--cgroup-parent`: the group, as each hierarchy's root sees it, that ours are made in. */
  readonly cgroupParent?: AbsPath;
};

/** What every command is given that changes something. */
export type ActHost = ReadHost & {
  readonly files: Files;
  readonly cgroups: Cgroups;
  readonly lockTimeoutMs: number;
  /** Shown to whoever finds the exclusion lock taken. */
  readonly command: string;
  /** True once a signal asked us to stop. */
  readonly interrupted: () => boolean;
  /** Standard input and output are a terminal. */
  readonly terminal: boolean;
  /** While something runs, signals go to `deliver` instead of interrupting; answers how to end that. */
  readonly onSignal: (deliver: (signal: string) => void) => () => void;
  /** Lets pending signals in: between two steps, never inside a stage. */
  readonly breathe: () => Promise<void>;
};

/** What a command that changes environments is given. */
export type WriteHost = ActHost & {
  readonly mounts: Mounts;
  readonly layers: Layers;
  readonly launch: LaunchPort & DetachPort;
  /** Waits until a detached run is ready; what that takes is loaded by then. */
  readonly awaitReady: (run: DetachedRun, ready: Ready) => Promise<Readiness>;
};

/** What a command on detached runs is given. */
export type ControlHost = ActHost & { readonly join: JoinPort; readonly signals: Signals };
