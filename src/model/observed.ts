import type { AbsPath, EnvId, Lineage } from "./brand.ts";
import type { EnvRecord } from "./record.ts";
import type { LimitName } from "./resource.ts";

/** One line of /proc/PID/mountinfo, unescaped (proc_pid_mountinfo(5)). */
export type MountEntry = {
  readonly id: string;
  readonly parent: string;
  /** `major:minor`. */
  readonly dev: string;
  /** The path within its file system that is mounted; ends in `//deleted` where the source is gone. */
  readonly root: string;
  readonly point: string;
  /** Per-mount options: ro, nosuid, … */
  readonly options: readonly string[];
  /** `shared:23`, `master:4`, … ; empty: private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Per-superblock options as printed, split at commas that separate options. */
  readonly superOptions: readonly string[];
};

/** Where an environment's things lie. */
export type Place = {
  readonly state: AbsPath;
  readonly dir: AbsPath;
  readonly merged: AbsPath;
  readonly rw: AbsPath;
  readonly upper: AbsPath;
  readonly work: AbsPath;
  readonly init: AbsPath;
  /** The work directory of the passing overlay that init is built through. */
  readonly initWork: AbsPath;
};

/** A cgroup hierarchy as mounted here. `mount` is where our namespace sees its root; `controllers` are those that our groups can have. */
export type Hierarchy = {
  readonly version: 1 | 2;
  readonly mount: AbsPath;
  readonly controllers: readonly string[];
  /** The group ours are made in, where that is not the root: `--cgroup-parent`, or a subtree delegated to us. */
  readonly base?: AbsPath;
};

/** A group of ours in one hierarchy: `values` are read back in the canonical form of Limit.value. */
export type ObservedCgroup = {
  readonly dir: AbsPath;
  readonly version: 1 | 2;
  readonly exists: boolean;
  readonly values: Readonly<Partial<Record<LimitName, string>>>;
  /** Bytes in use now, where the memory controller is here. */
  readonly memoryUse?: string;
  readonly populated: boolean;
};

/** What a process has of ours. `namespace` is set where it lives in another mount namespace. */
export type Holder = {
  readonly pid: number;
  readonly user: string;
  /** Seconds it has been running. */
  readonly age: number;
  readonly command: string;
  /** `cwd /work`, `file /var/log/x`, `root`. */
  readonly holds: string;
  readonly namespace?: string;
  /** It runs in the environment's own cgroup: destroy stops it. */
  readonly own: boolean;
};

/** A record as found: readable, absent, or refused with the reason. */
export type RecordState =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly record: EnvRecord }
  | {
      readonly kind: "bad";
      readonly path: AbsPath;
      readonly why: string;
      readonly hint: string;
      readonly fix?: string;
    };

/** Another mount namespace in which our overlay is mounted: a copy, or a run's own. */
export type NamespaceView = {
  /** Inode number, as in /proc/PID/ns/mnt. */
  readonly namespace: string;
  /** A process that lives there. */
  readonly pid: number;
  readonly command: string;
  /** A process of the environment's own cgroups lives there: it goes with them. */
  readonly own: boolean;
  /** Our overlay and everything that hangs below it, as that process sees it. */
  readonly mounts: readonly MountEntry[];
};

/** What the host is, read once for all environments. */
export type Host = {
  readonly boot: string;
  readonly mountNamespace: string;
  readonly pidNamespace?: string;
  /** The text of /proc/self/mountinfo. */
  readonly mountinfo: string;
  readonly hierarchies: readonly Hierarchy[];
};

/**
 * A record's mount namespace that is not ours. `alive`: a process there still sees our mounts; pid 0 where none is known but a bind mount
 * keeps the namespace, or processes there would not be seen from here; then `command` says so.
 */
export type Elsewhere = {
  readonly namespace: string;
  readonly alive?: { readonly pid: number; readonly command: string };
};

/** One observation of one environment; the planner sees nothing else of the host. */
export type Observed = {
  readonly id: EnvId;
  readonly lineage: Lineage;
  readonly place: Place;
  readonly boot: string;
  readonly mountNamespace: string;
  readonly pidNamespace?: string;
  readonly record?: EnvRecord;
  /** Every mount at or below `place.dir`, in the kernel's order. */
  readonly mounts: readonly MountEntry[];
  /** The mount `place.dir` lies on, the environment's own anchor not counted. */
  readonly covering?: MountEntry;
  readonly hierarchies: readonly Hierarchy[];
  readonly cgroups: readonly ObservedCgroup[];
  /** Whether `place.dir` holds an upper with anything in it. */
  readonly upperUsed: boolean;
  /** What upper holds, where it was counted: paths in it, and their bytes (decimal). */
  readonly upperUse?: { readonly paths: number; readonly bytes: string };
  readonly elsewhere?: Elsewhere;
  /** Recorded volume sources whose inode is another now, or gone, by address. */
  readonly staleSources: Readonly<Record<string, "gone" | "replaced">>;
  readonly rebooted: boolean;
  /** Stored layers that are recorded and gone, or declared and not there yet. */
  readonly absentLayers?: readonly AbsPath[];
};
