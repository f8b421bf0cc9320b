import type { AbsPath } from "#model/brand";
import type { Ownership } from "#model/resource";

/** An exclusion lock; `release` is idempotent, and the kernel releases it with the process. */
export type Held = { release(): void };
export type LockAttempt =
  | { readonly kind: "held"; readonly lock: Held }
  /** `holder` looks for its number, which takes long: the kernel stops every lock of the machine for it. */
  | { readonly kind: "taken"; holder(): number | undefined };

export type DirEntry = { readonly name: Uint8Array; readonly type: "dir" | "other" | "unknown" };

/** Everything that writes to a file system. Mode and owner are exact, whatever the umask. */
export type Files = {
  /** mkdirat(2) below a parent that no symlink leads to; an existing directory is fine and is answered with false. KernelError ENOTDIR for anything else there. */
  makeDir(path: AbsPath, owner: Ownership): boolean;
  /** rmdir(2), below such a parent. */
  removeDir(path: AbsPath): void;
  /** Writes beside, fsync, rename, fsync of the directory (0600). What need not outlive a crash of the machine (`passing`) is not synced. */
  replaceFile(path: AbsPath, text: string, lasting?: "passing"): void;
  /** The same; what waits for the disk is left to other threads, and whoever can goes on meanwhile. */
  replaceFileAside(path: AbsPath, text: string): Promise<void>;
  /** Writes a new file or truncates an existing one, by O_NOFOLLOW. */
  writeFile(path: AbsPath, text: string, mode: number): void;
  /** Takes a file away, and what an interrupted `replaceFile` left beside it. One that is gone is fine. */
  removeFile(path: AbsPath): void;
  setOwnership(path: AbsPath, owner: Ownership): void;
  /** flock(2) LOCK_EX | LOCK_NB on a file that is created (0600) when missing; checks that the locked inode is still the one at the path. */
  lock(path: AbsPath): LockAttempt;
  /** Removes a lock file that this process holds, then releases. */
  unlockAndRemove(path: AbsPath, lock: Held): void;
  /**
   * The raw pieces of the one delete, used by guard/ only: a detached view (open_tree OPEN_TREE_CLONE, not recursive) of `path`, walked by
   * descriptors. `openDir` uses openat2 RESOLVE_NO_XDEV | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, and answers a KernelError EXDEV at a mount.
   */
  readonly walk: {
    view(path: AbsPath): number;
    openDir(at: number, name: Uint8Array): number;
    entries(fd: number): readonly DirEntry[];
    unlink(at: number, name: Uint8Array, dir: boolean): void;
    /** So that a directory without permissions can be listed by ordinary users; no-op for root. */
    makeWritable(fd: number): void;
    close(fd: number): void;
  };
};
