import type { AbsPath } from "#model/brand";
import type { FileType } from "#model/file-type";
import type { Rootless } from "#model/rootless";

/** statx(2) of one object. `dev` is `major:minor`, as mountinfo prints it; `ino` decimal. */
export type Stat = {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly dev: string;
  readonly ino: string;
  readonly rdev: string;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly nlink: number;
};

/**
 * A window on the host that cannot change it. Everything is synchronous. "Any" functions answer undefined where there is nothing
 * (ENOENT, ENOTDIR, ESRCH); every other refusal is a KernelError.
 */
export type Reader = {
  /** Reads a whole file as UTF-8. */
  text(path: AbsPath): string;
  textAny(path: AbsPath): string | undefined;
  bytes(path: AbsPath): Uint8Array;
  /** Bytes from an offset on; fewer than `length` where the file ends before. */
  part(path: AbsPath, offset: number, length: number): Uint8Array;
  /** sha256 of a whole file of any size, hex. */
  digest(path: AbsPath): string;
  /** Names in a directory, unsorted. */
  list(path: AbsPath): readonly string[];
  listAny(path: AbsPath): readonly string[] | undefined;
  /** Follows symlinks. */
  stat(path: AbsPath): Stat | undefined;
  lstat(path: AbsPath): Stat | undefined;
  readlink(path: AbsPath): string | undefined;
  /** realpath(3); undefined where a component is missing. */
  realpath(path: AbsPath): AbsPath | undefined;
  /** The mount an object lies on: statx STATX_MNT_ID (5.8), decimal; undefined where it cannot be told. Follows symlinks, magic links too. */
  mountId(path: AbsPath): string | undefined;
  /** Like `mountId`, never reused (STATX_MNT_ID_UNIQUE, 6.8). */
  uniqueMountId(path: AbsPath): string | undefined;
  /** Whether any file system has this device number, mounted or held by whoever is in it; undefined where the kernel does not tell. */
  hasFileSystem(dev: string): boolean | undefined;
  /**
   * Stats a path as a process rooted at `root` would resolve it (openat2 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS): symlinks and `..`
   * never leave `root`. `layers`: first root that has it wins is the caller's business.
   */
  statIn(root: AbsPath, path: string): Stat | undefined;
  /** Reads a regular file below a root, resolved as by `statIn`; undefined where it is missing or no regular file. */
  textIn(root: AbsPath, path: string): string | undefined;
  /** An extended attribute's value, symlinks followed; undefined where it has none, or none that may be read. */
  xattr(path: AbsPath, name: string): string | undefined;
  /** sha256, hex. */
  sha256(data: string | Uint8Array): string;
  /** Numeric ids of this process. */
  readonly uid: number;
  readonly pid: number;
  /** Set where it is root of a user namespace that envctl made for an ordinary user. */
  readonly rootless?: Rootless;
};
