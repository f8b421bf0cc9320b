import type { AbsPath } from "./brand.ts";
import { isWithin, join } from "./brand.ts";
import type { MountEntry, Place } from "./observed.ts";
import type { Layer } from "./resource.ts";

/** At most this many lower layers (OVL_MAX_STACK, fs/overlayfs/params.h). */
export const MAX_LAYERS = 500;

/**
 * File systems that overlayfs refuses as upper or work: they lack what it needs (trusted xattrs, whiteouts, RENAME_WHITEOUT; see
 * Documentation/filesystems/overlayfs.rst, "Upper and Lower").
 */
const NO_UPPER: ReadonlySet<string> = new Set(
  "overlay ecryptfs nfs nfs4 cifs smb3 ceph vfat msdos exfat hfs hfsplus iso9660 udf".split(" "),
);

/** Whether what a path lies on can hold an upper, and so a disk upper or the init layer while it is built. */
export function holdsUpper(covering: MountEntry | undefined): boolean {
  return covering === undefined || !NO_UPPER.has(covering.type);
}

/** Where the init layer of an environment lies. */
export type InitPlace = {
  readonly layer: AbsPath;
  readonly work: AbsPath;
  /** On a tmpfs of its own, which nobody but the overlay sees. */
  readonly memory: boolean;
};

/**
 * On disk beside upper. A layer must not lie below another one ("overlapping lowerdir path", ELOOP), and upper must lie on a file system
 * that can hold one: where a layer holds the state directory, or the state directory is on an overlay itself, init is built in memory.
 */
export function initPlace(place: Place, lowers: readonly Layer[], covering?: MountEntry): InitPlace {
  const memory = !holdsUpper(covering) || lowers.some((lower) => isWithin(lower.path, place.dir));
  return memory
    ? { layer: join(place.init, "layer"), work: join(place.init, "work"), memory }
    : { layer: place.init, work: place.initWork, memory };
}

/** What a volatile overlay leaves in work (ovl_make_workdir, fs/overlayfs/super.c): while it is there, upper cannot be mounted. */
export function volatileMark(place: Place): AbsPath {
  return join(place.work, "work", "incompat");
}
