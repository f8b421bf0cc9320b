import type { AbsPath } from "#model/brand";
import type { InnerMount } from "#model/resource";
import type { MountIdentity, RecordedMount } from "#model/record";
import type { OverlayOptions } from "#model/spec";

/** A mount tree that is attached nowhere yet; `close` must be called, an open one keeps its file systems busy. */
export type Tree = { readonly fd: number; close(): void };

/** What overlay(5) is asked for. Paths are host paths; lowers topmost first; without upper and work it is read-only. */
export type OverlayMount = {
  readonly tag: string;
  readonly lowers: readonly AbsPath[];
  readonly rw?: { readonly upper: AbsPath; readonly work: AbsPath };
  readonly options: OverlayOptions;
  /** Mount attributes of the overlay itself: nosuid and nodev are NOT set, a rootfs may need them. */
  readonly readOnly?: boolean;
  /** Whiteouts and opaque marks in `user.overlay.*`: needed in a user namespace (overlayfs.rst). */
  readonly userxattr?: boolean;
};

/** Things one may do while in the private namespace. `root` arguments are directories in which `target` is resolved without leaving. */
export type Stage = {
  /** Mounts an overlay at an existing directory. */
  overlay(mount: OverlayMount, at: AbsPath): void;
  /**
   * Makes a volume or tmpfs at `target` inside `root`; a missing target is created (0755 directory or empty file) through the root.
   * Answers where it came to lie below `root`: symlinks inside may have led elsewhere.
   */
  inner(root: AbsPath, mount: InnerMount): string;
  tmpfs(at: AbsPath, options: { readonly tag: string; readonly bytes?: string; readonly mode: number }): void;
  unmount(at: AbsPath): void;
  /** Makes `target` exist inside `root` as a directory (0755) or empty file (0644), missing parents too, resolved without leaving. */
  makeTarget(root: AbsPath, target: string, type: "dir" | "file"): void;
  /** Puts a file (0644) in place of whatever non-directory lies at `path` inside `root`; its directory is made when missing. */
  writeIn(root: AbsPath, path: string, text: string): void;
  /** The same for a symlink. */
  linkIn(root: AbsPath, path: string, to: string): void;
  /** A detached copy of a tree with everything mounted in it (open_tree OPEN_TREE_CLONE | AT_RECURSIVE), to be taken back to the host. */
  take(at: AbsPath): Tree;
};

export type Mounts = {
  /**
   * Runs `work` in a new private mount namespace (unshare CLONE_FS | CLONE_NEWNS, propagation private) and comes back, whatever happens,
   * with root and working directory as before. Everything mounted there is gone afterwards unless `take` kept it. `work` is synchronous.
   */
  stage<T>(work: (stage: Stage) => T): T;
  /** Attaches a tree at a directory of this namespace (move_mount) and tells its identity. Closes the tree. */
  attach(tree: Tree, at: AbsPath): MountIdentity;
  /** Like Stage.inner, on a live overlay in this namespace. */
  inner(root: AbsPath, mount: InnerMount): RecordedMount;
  /** A tmpfs on an existing directory of this namespace, mode 0700. */
  tmpfs(at: AbsPath, options: { readonly tag: string; readonly bytes?: string }): MountIdentity;
  /** Self-bind of a directory, made private, then shared in a peer group of its own. */
  anchor(at: AbsPath): MountIdentity;
  /** What is mounted at a path (its topmost mount) now: ids and device. */
  identify(at: AbsPath): MountIdentity;
  /**
   * umount2(2) with UMOUNT_NOFOLLOW; `lazy` adds MNT_DETACH. Only guard/ may call it. KernelError EBUSY where it is held.
   */
  unmount(at: AbsPath, lazy?: boolean): void;
};
