import type { AbsPath, EnvId } from "./brand.ts";
import type { DetachedRun } from "./detached.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Finding, Plan, Summary } from "./plan.ts";
import type { Ready } from "./spec.ts";
import type { Limit, LimitName, TmpfsResource, UpperForm, VolumeResource } from "./resource.ts";

/** What commands hand to the views besides plans and events. Times are seconds since the epoch, bytes decimal text. */

/** How applying or destroying ended, over all environments of a command. */
export type Ended = {
  readonly intent: Plan["intent"];
  readonly ms: number;
  /** What was carried out and stands. */
  readonly summary: Summary;
  /** Absent: everything succeeded. `undone`: what was there was put back; `kept`: what succeeded stays (--on-error keep). */
  readonly failed?: "undone" | "kept" | "undo_failed";
  /** A signal asked for the end; the step at hand was finished first. */
  readonly interrupted?: boolean;
  /** Other environments were left as they were: in use, blocked, or not to be planned. */
  readonly leftOut?: boolean;
};

/** What a kill for lack of memory leaves to say, read from the run's cgroup before it is removed. */
export type OomReport = {
  readonly limit?: string;
  /** In addition to `limit`; absent: not limited. */
  readonly swap?: string;
  readonly peak?: string;
  /** `oom_kill` after the run less before it. */
  readonly kills: number;
  readonly ranMs: number;
  readonly command: readonly string[];
  /** The killed process was the entry itself, not a child of it. */
  readonly wasEntry: boolean;
  /** Where the file says `limits.memory`. */
  readonly specLine?: { readonly file: AbsPath; readonly line: number };
  /** A throwaway instance that is gone by now; `keepable` where --keep-on-failure would have kept it. */
  readonly removed?: { readonly name: string; readonly keepable: boolean };
};

/** Drift of some environments, and what belongs to no file. */
export type DriftReport = {
  readonly envs: readonly {
    readonly id: EnvId;
    readonly name: string;
    readonly file: AbsPath;
    readonly findings: readonly Finding[];
    /** The file was edited since the last apply: mentioned, and not drift. */
    readonly unapplied: boolean;
  }[];
  /** Orphans and leftovers. */
  readonly unowned: readonly Finding[];
};

/**
 * `interrupted`: an apply or destroy was cut short; `running`: a throwaway instance; `ended`: one that the next command takes away which
 * changes anything; `unreadable`: its record was refused.
 */
export type EnvState =
  | "applied"
  | "drifted"
  | "interrupted"
  | "kept"
  | "rebooted"
  | "elsewhere"
  | "running"
  | "ended"
  | "unreadable";

/** The writable layer; `bytes` and `paths` where they were counted. */
export type UpperUse = { readonly form: UpperForm["kind"]; readonly bytes?: string; readonly paths?: number };

/** A row of `ls`. */
export type EnvEntry = {
  readonly id: EnvId;
  readonly name: string;
  /** Absent where the record cannot be read. */
  readonly file?: AbsPath;
  /** False: the file is gone (an orphan). */
  readonly fileExists: boolean;
  readonly state: EnvState;
  readonly upper: UpperUse;
  /** Read-only layers, the rootfs among them. */
  readonly layers: number;
  readonly volumes: number;
  readonly limits: Readonly<Partial<Record<LimitName, string>>>;
  readonly appliedAt?: number;
  /** Its detached runs, ended ones too. */
  readonly runs: readonly DetachedRun[];
};

/** Percent of the time, averaged over the last 10, 60 and 300 seconds. */
export type Waiting = { readonly avg10: number; readonly avg60: number; readonly avg300: number };

/** How long an environment's processes waited for a resource: some of them, or all at once (`full`). */
export type Pressure = {
  readonly resource: "cpu" | "memory" | "io";
  readonly some: Waiting;
  readonly full?: Waiting;
};

/** How often use came up to the memory limit since the group was made, and how many processes were killed for it. */
export type MemoryTrouble = { readonly reached: number; readonly kills: number };

/** Everything `show` tells. Directories are named as in `docker inspect`'s GraphDriver. */
export type EnvDetail = Omit<EnvEntry, "limits" | "layers" | "volumes"> & {
  /** Topmost first: the init layer, lowers, rootfs. */
  readonly lowerDirs: readonly AbsPath[];
  /** Absent with `upper: none`. */
  readonly upperDir?: AbsPath;
  readonly mergedDir: AbsPath;
  readonly workDir?: AbsPath;
  readonly volumes: readonly VolumeResource[];
  readonly tmpfs: readonly TmpfsResource[];
  /** `use` as the kernel counts it now: bytes, processes. */
  readonly limits: readonly (Pick<Limit, "name" | "value"> & { readonly use?: string })[];
  /** Where memory is counted. */
  readonly memory?: MemoryTrouble;
  /** cgroup v2 alone tells. */
  readonly pressure: readonly Pressure[];
  readonly entry: {
    readonly command?: readonly string[];
    readonly workdir: string;
    readonly user?: string;
    readonly hostname: string;
    readonly network: "none" | "host";
    readonly init: boolean;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
    readonly ready?: Ready;
    /** Without a value: it is not stored. `passes`: taken from whoever calls `run`. */
    readonly env: readonly { readonly name: string; readonly value?: string; readonly passes?: true }[];
  };
};

/** What `validate` found; a file without errors has a name. */
export type ValidateReport = {
  readonly files: readonly {
    readonly file: AbsPath;
    readonly name?: string;
    readonly id?: EnvId;
    readonly diagnostics: readonly Diagnostic[];
  }[];
};
