/** What a file declares, after parsing and substitution; paths are still as written, relative to the file. */
export type Spec = {
  readonly name: string;
  readonly rootfs: Source;
  /** Extra read-only layers above rootfs, topmost first. */
  readonly lowers: readonly Source[];
  readonly overlay: { readonly upper: Upper; readonly options: OverlayOptions };
  readonly volumes: readonly Volume[];
  readonly tmpfs: readonly Tmpfs[];
  readonly limits: Limits;
  readonly entry: Entry;
};

/** What could be read of a file that has mistakes: enough to find those that only the host shows as well. Every Spec is one. */
export type Draft = {
  readonly rootfs?: Source;
  readonly lowers: readonly (Source | undefined)[];
  readonly overlay?: Spec["overlay"];
  readonly volumes: readonly (Volume | undefined)[];
  readonly tmpfs: readonly (Tmpfs | undefined)[];
  readonly limits: Limits;
  readonly entry?: Entry;
};

/** Where a layer comes from. `path` is what a plain string says: a directory or an archive, by what it is. */
export type Source =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "dir"; readonly path: string }
  | { readonly kind: "archive"; readonly path: string; readonly sha256?: string }
  | ({ readonly kind: "host"; readonly programs: readonly string[] } & HostExtras)
  | { readonly kind: "oci"; readonly path: string }
  | { readonly kind: "image"; readonly reference: string }
  | {
      readonly kind: "debian";
      readonly suite: string;
      readonly include: readonly string[];
      readonly mirror?: string;
    }
  | { readonly kind: "squashfs" | "erofs"; readonly path: string }
  | { readonly kind: "from"; readonly env: string; readonly snapshot: string };

/** What programs open by themselves, so that no header of theirs tells: on request. */
export type HostExtras = {
  /** Users, groups, hosts and services by name: what nsswitch.conf(5) names. */
  readonly nss?: boolean;
  /** Such as `C.UTF-8`. */
  readonly locales?: readonly string[];
};

export type Upper =
  | { readonly kind: "disk" }
  | { readonly kind: "tmpfs"; readonly size: bigint }
  | { readonly kind: "none" };

/** Only what the file says; what is absent is the kernel's default and never drift. */
export type OverlayOptions = {
  readonly index?: "on" | "off";
  readonly metacopy?: "on" | "off";
  readonly redirect_dir?: "on" | "off" | "follow" | "nofollow";
  readonly xino?: "on" | "off" | "auto";
  readonly volatile?: boolean;
};

export type Access = "ro" | "rw";
export type VolumeOption = "nosuid" | "nodev" | "noexec" | "suid" | "dev" | "exec";

export type Volume = {
  readonly source: string;
  /** Absolute path inside, normalised, never `/`. */
  readonly target: string;
  readonly access: Access;
  readonly recursive: boolean;
  /** nosuid and nodev unless `suid` or `dev` is written. */
  readonly options: readonly VolumeOption[];
  readonly owner?: "caller";
};

export type Tmpfs = {
  readonly target: string;
  readonly size?: bigint;
  /** Octal bits. */ readonly mode: number;
};

export type Limits = {
  /** Bytes. */
  readonly memory?: bigint;
  /** Bytes in addition to memory. */
  readonly swap?: bigint;
  /** A CPU list as written, e.g. `0-1,3`. */
  readonly cpuset?: string;
  readonly cpuset_mems?: string;
  /** CPUs' worth of time, e.g. 1.5. */
  readonly cpus?: number;
  /** v1 shares, 2..262144. */
  readonly cpu_shares?: number;
  readonly pids?: number;
};

/**
 * literal: written in the file. variable: came from a substitution (shown as `(set)`, recorded as a hash only).
 * passthrough: a bare name, taken from the caller's environment at launch and never stored.
 */
export type EnvValue =
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "variable"; readonly value: string }
  | { readonly kind: "passthrough" };

export type Entry = {
  /** Absent: `run` needs a command. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, EnvValue>>;
  readonly workdir: string;
  readonly user?: string;
  readonly hostname: string;
  readonly network: "none" | "host";
  readonly init: boolean;
  readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  readonly ready?: Ready;
};

export type Ready = {
  readonly probe:
    | { readonly kind: "tcp"; readonly port: number }
    | { readonly kind: "exec"; readonly command: readonly string[] }
    | { readonly kind: "file"; readonly path: string };
  readonly timeoutMs: number;
};

/** The part of a file that a value was written at: `["volumes", 0, "source"]`. */
export type SpecPath = readonly (string | number)[];
