import type { AbsPath, EnvId } from "./brand.ts";
import { instanceOf } from "./identity.ts";
import type { Ending, UserIds } from "./launch.ts";
import type { OwnedCgroup } from "./record.ts";

/** A process that cannot be taken for a later one of the same number: with field 22 of its stat, in ticks since boot (proc_pid_stat(5)). */
export type ProcessId = { readonly pid: number; readonly start: string };

/**
 * What is kept of a detached run until `rm`. `starting`: it was not let go yet when this was written; where it ended so, it never ran or
 * nobody was told of it.
 */
export type RunRecord = {
  readonly format: "envctl.run/1";
  readonly id: EnvId;
  /** Of the environment: `web`, or `web.r1` for a throwaway instance. */
  readonly name: string;
  readonly number: number;
  readonly phase: "starting" | "started";
  readonly command: readonly string[];
  readonly workdir: string;
  readonly user: UserIds;
  /** Of the machine's boot: process numbers mean nothing after the next. */
  readonly boot: string;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** The entry's parent, which waits for it. */
  readonly supervisor: ProcessId;
  /** PID 1 inside. */
  readonly entry: ProcessId;
  /** The groups it joined; the first whose name is the run's number is its own. */
  readonly cgroups: readonly OwnedCgroup[];
};

/** Files of a run below its directory. `signal` holds the name of one that was meant where only SIGKILL would do. */
export type RunFiles = {
  readonly dir: AbsPath;
  readonly record: AbsPath;
  readonly status: AbsPath;
  readonly signal: AbsPath;
  readonly stdout: AbsPath;
  readonly stderr: AbsPath;
};

/** How a run stands. `lost`: it ended without a status, with its supervisor or with the machine. */
export type RunState =
  | { readonly state: "running" }
  | {
      readonly state: "ended";
      readonly ending: Ending;
      /** Seconds since the epoch. */
      readonly endedAt: number;
      readonly oomKills: number;
    }
  | { readonly state: "lost" };

/** A detached run of this host, as it stands now. */
export type DetachedRun = { readonly record: RunRecord; readonly files: RunFiles } & RunState;

/** What came of waiting until a run is ready (entry.ready). `why`: what was still missing at the last look. */
export type Readiness =
  | { readonly is: "ready" }
  | { readonly is: "ended"; readonly run: DetachedRun }
  | { readonly is: "late" | "interrupted"; readonly why: string };

/** `web/1`: what a run is called; `web.r1` that of a throwaway instance, which has no other. */
export function runName({ id, name, number }: Pick<RunRecord, "id" | "name" | "number">): string {
  return instanceOf(id) === undefined ? `${name}/${number}` : name;
}
