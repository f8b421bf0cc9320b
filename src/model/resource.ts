import type { AbsPath } from "./brand.ts";
import { join } from "./brand.ts";
import type { Access, Entry, OverlayOptions, VolumeOption } from "./spec.ts";

/** A file system object as the kernel knows it; survives renames, not replacement. */
export type Inode = { readonly dev: string; readonly ino: string };

/** A file's identity and state: as long as it is the same, so is what the file holds. Times in nanoseconds, decimal. */
export type Stamp = Inode & { readonly size: number; readonly mtime: string; readonly ctime: string };

export type Compression = "none" | "gzip" | "xz" | "zstd" | "bzip2";

/** Something of the host that a stored layer holds at the same path. */
export type HostEntry =
  | {
      readonly path: AbsPath;
      readonly type: "file";
      readonly mode: number;
      readonly sha256: string;
      readonly stamp: Stamp;
    }
  | { readonly path: AbsPath; readonly type: "symlink"; readonly to: string };

/** What a stored layer is made of, as it was when the plan was made. */
export type Recipe =
  | {
      readonly kind: "archive";
      readonly archive: AbsPath;
      readonly compression: Compression;
      readonly stamp: Stamp;
    }
  | { readonly kind: "host"; readonly entries: readonly HostEntry[] };

/**
 * A read-only layer: a directory used in place, or one stored at STATE/layers/sha256/DIGEST, immutable and shared. `source` is as the
 * file wrote it, for people. A stored one is told by its digest alone: its inode is always 0:0.
 */
export type Layer = {
  readonly source: string;
  readonly path: AbsPath;
  readonly inode: Inode;
  /** sha256, hex: of an archive's bytes, of the list of a closure's files. Absent: a directory used in place. */
  readonly digest?: string;
};

/** A stored layer and how to make it. */
export type StoredLayer = Layer & { readonly digest: string; readonly recipe: Recipe };

/** STATE/layers/sha256. */
export function storeOf(state: AbsPath): AbsPath {
  return join(state, "layers", "sha256");
}

/** Whether a layer lies in STATE/layers; only such a one has a recipe. */
export function isStored(layer: Layer): layer is StoredLayer {
  return "recipe" in layer;
}

/** The stored layers among resources, each path once. */
export function storedLayers(resources: readonly Resource[]): readonly StoredLayer[] {
  const layers = resources.flatMap((r) => (r.kind === "rootfs" || r.kind === "layer" ? [r.layer] : []));
  return [...new Map(layers.filter(isStored).map((layer) => [layer.path, layer])).values()];
}

export type UpperForm =
  | { readonly kind: "disk" }
  | { readonly kind: "tmpfs"; readonly bytes: string }
  | { readonly kind: "none" };

/** Who owns a directory and with which mode; numbers, mode without the type bits. */
export type Ownership = { readonly mode: number; readonly uid: number; readonly gid: number };

/** The files the init layer holds below /etc. */
export type InitLayer = { readonly hostname: string; readonly resolv: "host" | "none" };

export type Overlay = {
  readonly kind: "overlay";
  readonly address: string;
  /** Topmost first, rootfs last; the init layer is not among them. */
  readonly lowers: readonly Layer[];
  readonly upper: UpperForm;
  readonly options: OverlayOptions;
  readonly init: InitLayer;
  /** Of the rootfs's root: upper's root becomes merged's. */
  readonly root: Ownership;
};

/** Whose files on the host are shown as `as`, and given what `as` makes (`owner: caller`). */
export type ShownOwner = {
  readonly uid: number;
  readonly gid: number;
  readonly as: { readonly uid: number; readonly gid: number };
};

export type VolumeResource = {
  readonly kind: "volume";
  readonly address: string;
  /** Absolute path inside. */
  readonly target: string;
  /** As the file wrote it. */
  readonly source: string;
  /** Real path on the host. */
  readonly path: AbsPath;
  readonly type: "dir" | "file";
  /** Absent where the directory is still missing and apply will create it. */
  readonly inode?: Inode;
  /** The directories apply creates, outermost first, with their owner. */
  readonly create?: { readonly dirs: readonly AbsPath[]; readonly owner: Ownership };
  readonly access: Access;
  readonly recursive: boolean;
  readonly options: readonly VolumeOption[];
  /** Absent where owners are shown as they are. */
  readonly owner?: ShownOwner;
};

/** Mount flags a volume is mounted with, in mountinfo's words: nosuid and nodev unless the opposite is asked for. */
export function mountFlags({
  access,
  options,
}: Pick<VolumeResource, "access" | "options">): readonly string[] {
  const has = (option: VolumeOption): boolean => options.includes(option);
  return [
    access,
    ...(has("suid") ? [] : ["nosuid"]),
    ...(has("dev") ? [] : ["nodev"]),
    ...(has("noexec") ? ["noexec"] : []),
  ];
}

export type TmpfsResource = {
  readonly kind: "tmpfs";
  readonly address: string;
  readonly target: string;
  /** Bytes, decimal; absent: the kernel's default of half the memory. */
  readonly bytes?: string;
  readonly mode: number;
};

export type LimitName = "memory" | "swap" | "cpuset" | "cpuset_mems" | "cpus" | "cpu_shares" | "pids";

export type Limit = {
  readonly kind: "limit";
  readonly address: string;
  readonly name: LimitName;
  /** Canonical text: bytes in decimal, a CPU list as the kernel prints it, CPUs as a decimal number. */
  readonly value: string;
};

export type RootfsResource = { readonly kind: "rootfs"; readonly address: string; readonly layer: Layer };
export type LayerResource = {
  readonly kind: "layer";
  readonly address: string;
  readonly index: number;
  readonly layer: Layer;
};

/** What an environment consists of on a host. Plain JSON: the record stores it as it is. */
export type Resource = RootfsResource | LayerResource | Overlay | VolumeResource | TmpfsResource | Limit;

/** The group of an environment that limits nothing, where a plan makes it anew. */
export type GroupResource = { readonly kind: "cgroup"; readonly address: string; readonly path: AbsPath };

/** What a run starts, without what variables gave it. */
export type EntryResource = { readonly kind: "entry"; readonly address: string; readonly entry: Entry };

/** What a plan speaks of besides: the record has its groups and its entry elsewhere. */
export type PlanResource = Resource | GroupResource | EntryResource;

/** A mount made inside the overlay. */
export type InnerMount = VolumeResource | TmpfsResource;

/** What is mounted inside the overlay. */
export const isInner = (r: { readonly kind: string }): r is InnerMount =>
  r.kind === "volume" || r.kind === "tmpfs";

/** Parents before children; the reverse is the order to take down. */
export function byTarget(a: InnerMount, b: InnerMount): number {
  return a.target < b.target ? -1 : a.target > b.target ? 1 : 0;
}
