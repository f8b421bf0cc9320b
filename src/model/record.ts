import type { AbsPath, EnvId, Lineage } from "./brand.ts";
import type { Resource } from "./resource.ts";
import type { Spec } from "./spec.ts";

/**
 * A mount that envctl made, as the kernel showed it right after. `unique` (statx STATX_MNT_ID_UNIQUE, Linux 6.8) is never reused,
 * `id` is; both are decimal text so that a record is plain JSON. `dev` is the `major:minor` of mountinfo.
 */
export type MountIdentity = { readonly id: string; readonly unique?: string; readonly dev: string };

/** Where it was attached; differs from merged + target where the target led through a symlink inside. */
export type RecordedMount = MountIdentity & { readonly point: AbsPath };

/** An inner mount that was taken down while its overlay stayed: mount namespaces made before go on showing copies of it (row F24). */
export type FormerMount = Pick<RecordedMount, "dev" | "point">;

/** A cgroup directory we made. `controllers` are those of its hierarchy that we use. */
export type OwnedCgroup = {
  readonly dir: AbsPath;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
};

/** How far the last change came. Everything but `applied` and `kept` was interrupted and is finished or undone by the next command. */
export type Phase = "applying" | "applied" | "destroying" | "kept" | "running";

/** env.json: whose the things on this host are. The kernel remains the truth about what is mounted. */
export type EnvRecord = {
  readonly format: "envctl.record/1";
  /** Grows by one with each write. */
  readonly serial: number;
  readonly version: string;
  readonly lineage: Lineage;
  readonly id: EnvId;
  readonly name: string;
  readonly file: AbsPath;
  /** The environment file's text; its variables' values are not in it. */
  readonly text: string;
  /** Variables the text used, with a salted hash of each value (sha256, hex); unset ones have none. */
  readonly variables: readonly { readonly name: string; readonly hash?: string }[];
  readonly salt: string;
  /** Normalised; entry.env values from variables are left out (`value` is empty). */
  readonly spec: Spec;
  readonly phase: Phase;
  readonly boot: string;
  /** Inode number of the mount namespace the mounts were made in, as in /proc/PID/ns/mnt. */
  readonly mountNamespace: string;
  /** The pid namespace it was made from, likewise: what lives in another one may not be seen. */
  readonly pidNamespace?: string;
  /** What was applied; while `applying`, what was about to be. */
  readonly resources: readonly Resource[];
  /** While `applying`: what stood before, to be put back or taken away. */
  readonly previous?: readonly Resource[];
  /** Mounts by address, `anchor` for the self-bind of the environment's directory. */
  readonly mounts: Readonly<Record<string, RecordedMount>>;
  /** Since the overlay that stands was mounted. */
  readonly former?: readonly FormerMount[];
  readonly cgroups: readonly OwnedCgroup[];
  /** Seconds since the epoch. */
  readonly appliedAt?: number;
  /** For an instance: who runs it. */
  readonly pid?: number;
};
