import { AT_FDCWD, O, RESOLVE } from "./flags.ts";
import { openat2, withFd } from "./syscalls-file.ts";
import { parentOf, baseName, type AbsPath } from "#model/brand";

/**
 * Opens (O_PATH) a path that is real: a symlink anywhere in it, its end included, is refused, so that nobody can lead the call
 * elsewhere. @throws KernelError ELOOP
 */
export function openReal(path: AbsPath, flags = 0): number {
  return openat2(AT_FDCWD, path, O.PATH | flags, RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS);
}

/** Runs `use` with the real directory above `path` and the last component. @throws KernelError */
export function withParent<T>(path: AbsPath, use: (parent: number, name: string) => T): T {
  return withFd(openReal(parentOf(path), O.DIRECTORY), (parent) => use(parent, baseName(path)));
}
