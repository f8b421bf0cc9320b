import { chmodSync, fstatSync, readdirSync } from "node:fs";
import type { AbsPath } from "#model/brand";
import type { DirEntry, Files } from "#ports/files";
import { selfFd } from "./beneath.ts";
import { AT, O, OPEN_TREE, RESOLVE } from "./flags.ts";
import { nodeCall } from "./node-call.ts";
import { withParent } from "./place.ts";
import { fdText } from "./print.ts";
import { close, openat2, unlinkat, withFd } from "./syscalls-file.ts";
import { openTree } from "./syscalls-mount.ts";
import { geteuid } from "./syscalls-process.ts";

const STAY = RESOLVE.NO_XDEV | RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS;

function openDir(at: number, name: Uint8Array | string): number {
  return openat2(at, name, O.PATH | O.DIRECTORY | O.NOFOLLOW, STAY);
}

/**
 * The directory at `path` in a detached copy of the mount it lies on: nothing that is mounted at or below it, now or later, is part of
 * that copy, so that it cannot be walked into; and removing a mount point of this namespace is still EBUSY.
 */
function view(path: AbsPath): number {
  return withParent(path, (parent, name) =>
    withFd(openTree(parent, "", AT.EMPTY_PATH | OPEN_TREE.CLONE), (copy) => openDir(copy, name)),
  );
}

function entries(fd: number): DirEntry[] {
  const found = nodeCall(
    "getdents64",
    () => `getdents64(${fdText(fd)})`,
    () => readdirSync(selfFd(fd), { encoding: "buffer", withFileTypes: true }),
  );
  return found.map((entry) => ({ name: entry.name, type: entry.isDirectory() ? "dir" : "other" }));
}

/** Bits of the owner for listing and emptying. Root needs none (CAP_DAC_OVERRIDE), and a delete that stops half-way leaves modes alone. */
function makeWritable(fd: number): void {
  const { mode } = fstatSync(fd);
  if (geteuid() !== 0 && (mode & 0o700) !== 0o700)
    nodeCall(
      "chmod",
      () => `fchmod(${fdText(fd)}, 0700)`,
      () => chmodSync(selfFd(fd), (mode & 0o7777) | 0o700),
    );
}

/** The pieces of the one delete. Names are bytes: they need not be UTF-8. */
export function linuxWalk(): Files["walk"] {
  return { view, openDir, entries, unlink: unlinkat, makeWritable, close };
}
