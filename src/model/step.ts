import type { AbsPath } from "./brand.ts";
import type { OwnedCgroup, Phase } from "./record.ts";
import type { InnerMount, LimitName, Overlay, Ownership, StoredLayer } from "./resource.ts";

/** A write to a file of a group; an empty value is the cpuset of the group above. */
export type LimitWrite = { readonly dir: AbsPath; readonly file: string; readonly value: string };

/** What the kernel is asked to do. One step succeeds or fails as a whole; its `address` names the resource it serves. */
export type Step = { readonly address: string } & (
  | { readonly do: "create_dir"; readonly path: AbsPath; readonly owner: Ownership }
  /** A missing rw volume source, outside STATE: the only thing there that a rollback may remove again, while empty. */
  | { readonly do: "create_source"; readonly dirs: readonly AbsPath[]; readonly owner: Ownership }
  | { readonly do: "write_record"; readonly phase: Phase }
  /** Unpacks or copies a layer to its place in STATE/layers, complete or not at all. */
  | { readonly do: "store_layer"; readonly layer: StoredLayer }
  /** A self-bind of the environment's directory with a peer group of its own: needed where the parent mount is shared. */
  | { readonly do: "anchor"; readonly path: AbsPath }
  /** Init layer, overlay and everything inside it, assembled out of sight and attached at once. */
  | { readonly do: "stack"; readonly overlay: Overlay; readonly inner: readonly InnerMount[] }
  /** Into the overlay that is mounted. */
  | { readonly do: "bind"; readonly mount: InnerMount }
  /** The topmost mount at a point; `mount` is the id it had when the plan was made. */
  | { readonly do: "unmount"; readonly point: AbsPath; readonly mount: string }
  /** Frees an unmounted overlay: copies of it in other namespaces go with its mount point; nobody may still sit in one. */
  | { readonly do: "release"; readonly path: AbsPath; readonly dev: string }
  /** The tmpfs that upper and work lie on. */
  | { readonly do: "mount_rw"; readonly path: AbsPath; readonly bytes: string }
  | { readonly do: "create_cgroup"; readonly cgroup: OwnedCgroup }
  | {
      readonly do: "limit";
      readonly name: LimitName;
      readonly value: string;
      readonly writes: readonly LimitWrite[];
    }
  | { readonly do: "stop_processes" }
  | { readonly do: "remove_cgroup"; readonly cgroup: OwnedCgroup }
  | { readonly do: "delete_tree"; readonly path: AbsPath }
  /** Takes the record and the environment's empty directory away. */
  | { readonly do: "forget" }
);

/** What execution reports, in order. */
export type StepEvent =
  | { readonly event: "step_start" | "step_done"; readonly step: Step; readonly detail?: string }
  /** Of what takes long: bytes read so far, of all. */
  | { readonly event: "step_progress"; readonly step: Step; readonly done: number; readonly total: number }
  | { readonly event: "step_failed"; readonly step: Step; readonly error: unknown }
  | { readonly event: "step_skipped"; readonly step: Step; readonly why: string }
  | { readonly event: "undo_start" | "undo_done"; readonly step: Step }
  | { readonly event: "undo_failed"; readonly step: Step; readonly error: unknown };
