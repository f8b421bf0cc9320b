import type { AbsPath } from "#model/brand";

/** Calls tried with arguments that can change nothing; the answer is the errno, or `ok`. */
export type Probed = "ok" | string;

export type FileSystem = {
  /** By its magic number; `0x…` for one that is not known. */
  readonly type: string;
  /** Bytes an ordinary writer may still use. */
  readonly free: bigint;
  readonly readOnly: boolean;
};

/** Harmless questions to the kernel that no file answers. */
export type Probe = {
  /** fsopen(2) of a file system type; ENOSYS: no new mount API, ENODEV: no such file system. */
  openFileSystem(type: string): Probed;
  /** Whether overlay takes layers one by one (`lowerdir+`), as strings and as descriptors. Configured and thrown away, never created. */
  overlayLayers(by: "string" | "descriptor"): Probed;
  /** open_tree, mount_setattr, move_mount and openat2 on a descriptor that is none: EBADF means that they are there. */
  call(name: "open_tree" | "mount_setattr" | "move_mount" | "openat2"): Probed;
  /** proc for a pid namespace that one does not live in (6.17). */
  procPidns(): Probed;
  /** statfs(2) of the nearest directory that exists. */
  fileSystem(path: AbsPath): FileSystem;
  /** What would install a seccomp filter (envctl itself, setpriv, or a program after it), or what is missing for one. */
  filter(): { readonly by: string } | { readonly missing: "library" | "installer" };
  /** Where a program lies in the directories helpers are taken from. */
  program(name: string): AbsPath | undefined;
};
