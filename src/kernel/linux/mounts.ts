import { join, type AbsPath } from "#model/brand";
import type { MountIdentity } from "#model/record";
import type { Mounts, Stage, Tree } from "#ports/mounts";
import { selfFd } from "./beneath.ts";
import { newTmpfs } from "./context.ts";
import { AT, MS, O, OPEN_TREE, UMOUNT } from "./flags.ts";
import { identityOf } from "./identity.ts";
import { cloneTree, mountInner } from "./inner.ts";
import { linkInside, openTarget, writeInside } from "./inside.ts";
import { inNamespaces } from "./namespace.ts";
import { mountOverlay, type Lacking } from "./overlay.ts";
import { openReal, withParent } from "./place.ts";
import { close, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount, openTree, umount2 } from "./syscalls-mount.ts";

/** `without`: what to do without though the kernel may have it, so that every fallback can be tested. */
export type MountOptions = { readonly without?: readonly Lacking[] };

function treeOf(fd: number): Tree {
  let open = true;
  return {
    fd,
    close() {
      if (open) close(fd);
      open = false;
    },
  };
}

/** umount2(2) by the parent's descriptor: whoever renames a directory above meanwhile cannot lead it to another mount. */
function unmount(at: AbsPath, flags: number): void {
  withParent(at, (parent, name) => umount2(`${selfFd(parent)}/${name}`, UMOUNT.NOFOLLOW | flags, at));
}

function moveTo(tree: number, at: AbsPath): void {
  withFd(openReal(at, O.DIRECTORY), (place) => moveMount(tree, place));
}

/** What can be mounted in a private namespace. The caller is in one already. */
export function linuxStage(options: MountOptions = {}): Stage {
  return {
    overlay: (mount, at) =>
      withFd(openReal(at, O.DIRECTORY), (place) => mountOverlay(mount, place, options.without)),
    inner: (root, mount) => mountInner(root, mount, (_, path) => path),
    tmpfs: (at, of) => withFd(newTmpfs(of), (tree) => moveTo(tree, at)),
    unmount: (at) => unmount(at, 0),
    makeTarget: (root, target, type) => close(openTarget(root, target, type).fd),
    writeIn: writeInside,
    linkIn: linkInside,
    take: (at) =>
      treeOf(withFd(openReal(at), (fd) => openTree(fd, "", AT.EMPTY_PATH | OPEN_TREE.CLONE | AT.RECURSIVE))),
  };
}

/** The mounts of this machine. */
export function linuxMounts(options: MountOptions = {}): Mounts {
  return {
    stage: (work) => inNamespaces(0, () => work(linuxStage(options))),
    attach(tree, at) {
      try {
        return attached(tree.fd, at);
      } finally {
        tree.close();
      }
    },
    inner: (root, mount) =>
      mountInner(root, mount, (tree, path) => ({ ...identityOf(tree), point: join(root, path) })),
    tmpfs: (at, of) => withFd(newTmpfs({ ...of, mode: 0o700 }), (tree) => attached(tree, at)),
    anchor: (at) => withFd(cloneTree(at, false), (tree) => anchorAt(tree, at)),
    identify: (at) => withFd(openReal(at), identityOf),
    unmount: (at, lazy = false) => unmount(at, lazy ? UMOUNT.DETACH : 0),
  };
}

function attached(tree: number, at: AbsPath): MountIdentity {
  moveTo(tree, at);
  return identityOf(tree);
}

/**
 * Attaching below a shared mount puts the new one into a peer group with its copies there: leave it, then start another. Refused, it is
 * taken away again, and its copies with it: an unmount goes where the parent's mounts go.
 */
function anchorAt(tree: number, at: AbsPath): MountIdentity {
  moveTo(tree, at);
  try {
    mountSetattr(tree, "", AT.EMPTY_PATH, { propagation: MS.PRIVATE });
    mountSetattr(tree, "", AT.EMPTY_PATH, { propagation: MS.SHARED });
    return identityOf(tree);
  } catch (error) {
    unmount(at, UMOUNT.DETACH); // `tree` is open: it is busy by us
    throw error;
  }
}
