import { type AbsPath, join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { InnerMount, VolumeResource } from "#model/resource";
import { newTmpfs } from "./context.ts";
import { AT, MOUNT_ATTR, MS, OPEN_TREE } from "./flags.ts";
import { showAs } from "./idmap.ts";
import { openTarget } from "./inside.ts";
import { openReal } from "./place.ts";
import { keepFd, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount, openTree } from "./syscalls-mount.ts";

/**
 * Makes a volume or tmpfs at its target inside `root`, and answers what `use` makes of the attached mount's descriptor and of the
 * path below `root` it lies at. @throws KernelError
 */
export function mountInner<T>(root: AbsPath, mount: InnerMount, use: (tree: number, path: string) => T): T {
  const type = mount.kind === "volume" ? mount.type : "dir";
  return withFd(mount.kind === "tmpfs" ? newTmpfs({ tag: "tmpfs", ...mount }) : volumeTree(mount), (tree) => {
    const { fd: place, path } = openTarget(root, mount.target, type);
    withFd(place, () => {
      if (Buffer.byteLength(join(root, path)) > PATH_MAX)
        throw new KernelError("move_mount", "ENAMETOOLONG", TOO_DEEP);
      moveMount(tree, place);
    });
    return use(tree, path);
  });
}

/** Of a path, without its NUL. A descriptor leads deeper, and what is mounted there no path unmounts. */
const PATH_MAX = 4095;
const TOO_DEEP = `links in it lead further down than the ${PATH_MAX} bytes a path may have`;

/** A detached copy of a directory or file, with what is mounted below only where `recursive`. Private; `set` and `clear` are
 * attributes of mount_setattr(2). @throws KernelError */
export function cloneTree(path: AbsPath, recursive: boolean, set = 0, clear = 0): number {
  const flags = AT.EMPTY_PATH | OPEN_TREE.CLONE | (recursive ? AT.RECURSIVE : 0);
  return keepFd(
    withFd(openReal(path), (source) => openTree(source, "", flags)),
    (tree) => mountSetattr(tree, "", AT.EMPTY_PATH | AT.RECURSIVE, { propagation: MS.PRIVATE, set, clear }),
  );
}

/** `suid`, `dev` and `exec` were asked for by name: they undo what the source's own mount forbids. */
const FORBID: readonly (readonly [forbid: string, allow: string, attribute: number])[] = [
  ["nosuid", "suid", MOUNT_ATTR.NOSUID],
  ["nodev", "dev", MOUNT_ATTR.NODEV],
  ["noexec", "exec", MOUNT_ATTR.NOEXEC],
];

function volumeTree(volume: VolumeResource): number {
  let set = volume.access === "ro" ? MOUNT_ATTR.RDONLY : 0;
  let clear = 0;
  for (const [forbid, allow, attribute] of FORBID) {
    if (volume.options.some((option) => option === forbid)) set |= attribute;
    else if (volume.options.some((option) => option === allow)) clear |= attribute;
  }
  return keepFd(cloneTree(volume.path, volume.recursive, set, clear), (tree) => {
    if (volume.owner !== undefined) showAs(tree, volume.owner);
  });
}
