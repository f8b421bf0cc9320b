import {
  chmodSync,
  chownSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  readdirSync,
  rename,
} from "node:fs";
import { baseName, parentOf, type AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Ownership } from "#model/resource";
import type { Files } from "#ports/files";
import { isThere, selfFd } from "./beneath.ts";
import { AT_FDCWD, O } from "./flags.ts";
import { writeAll } from "./inside.ts";
import { removeLock, takeLock } from "./lock.ts";
import { nodeCall, nodeWait } from "./node-call.ts";
import { withParent } from "./place.ts";
import { fdText, octal, quote } from "./print.ts";
import { close, fchmod, mkdirat, openat, renameat, unlinkat, withFd } from "./syscalls-file.ts";
import { asOwner, getegid, geteuid, unmasked } from "./syscalls-process.ts";
import { linuxWalk } from "./walk.ts";

function unlessErrno(errno: string, run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.errno === errno) return false;
    throw error;
  }
}

/** Mode and owner of an O_PATH descriptor's object, which takes no fchmod(2). Owner first: a change of it drops setuid bits. */
function own(fd: number, path: AbsPath, { mode, uid, gid }: Ownership): void {
  const now = fstatSync(fd);
  if (now.uid !== uid || now.gid !== gid)
    nodeCall(
      "chown",
      () => `chown(${quote(path)}, ${uid}, ${gid})`,
      () => chownSync(selfFd(fd), uid, gid),
    );
  if ((fstatSync(fd).mode & 0o7777) !== mode)
    nodeCall(
      "chmod",
      () => `chmod(${quote(path)}, ${octal(mode)})`,
      () => chmodSync(selfFd(fd), mode),
    );
}

/** With mode and owner from the first instant, wherever that owner may write: a kill leaves nothing half made. */
function newDir(parent: number, name: string, { mode, uid, gid }: Ownership): void {
  const make = (): void => unmasked(() => mkdirat(parent, name, mode));
  if (uid === geteuid() && gid === getegid()) return make();
  try {
    asOwner(uid, gid, make);
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === "EACCES")) throw error;
    make();
  }
}

/** Killed between making a directory and giving it away: it is empty and still ours. Any other is left as it is. */
function isHalfMade(fd: number, { mode, uid, gid }: Ownership): boolean {
  const now = fstatSync(fd);
  const given = now.uid === uid && now.gid === gid;
  return (
    !given && now.uid === geteuid() && (now.mode & 0o7777) === mode && readdirSync(selfFd(fd)).length === 0
  );
}

function makeDir(path: AbsPath, owner: Ownership): boolean {
  return withParent(path, (parent, name) => {
    const open = (): number => openat(parent, name, O.PATH | O.DIRECTORY | O.NOFOLLOW);
    if (isThere(parent, name) || !unlessErrno("EEXIST", () => newDir(parent, name, owner))) {
      withFd(open(), (fd) => isHalfMade(fd, owner) && own(fd, path, owner));
      return false;
    }
    try {
      withFd(open(), (fd) => own(fd, path, owner));
    } catch (error) {
      unlinkat(parent, name, true);
      throw error;
    }
    return true;
  });
}

function setOwnership(path: AbsPath, owner: Ownership): void {
  withFd(openat(AT_FDCWD, path, O.PATH | O.NOFOLLOW), (fd) => own(fd, path, owner));
}

/** A crash may leave it; the next writer and the remover of the file take it away. */
function temporary(name: string): string {
  return `.${name}.new`;
}

/** A call that waits for the disk: now, or in one of libuv's threads, which are of the host's namespaces wherever we are. */
type Wait = { readonly now: () => void; readonly aside: () => Promise<void> };

function syncing(fd: number): Wait {
  const call = (): string => `fsync(${fdText(fd)})`;
  return {
    now: () => nodeCall("fsync", call, () => fsyncSync(fd)),
    aside: () => nodeWait("fsync", call, (done) => fsync(fd, done)),
  };
}

/** Within a directory. Where the file that is replaced was on the disk already, its blocks are freed (and discarded) before this returns. */
function renaming(parent: number, from: string, to: string): Wait {
  const at = (name: string): string => `${selfFd(parent)}/${name}`;
  return {
    now: () => renameat(parent, from, parent, to),
    aside: () =>
      nodeWait(
        "rename",
        () => `rename(${quote(from)}, ${quote(to)})`,
        (done) => rename(at(from), at(to), done),
      ),
  };
}

/** The one way a file of ours changes. Stops at each call that waits for the disk, for good where that fails. */
function* replacing(path: AbsPath, text: string, lasting: boolean): Generator<Wait, void> {
  // Not O_PATH: it is synced.
  const [parent, name] = [openat(AT_FDCWD, parentOf(path), O.DIRECTORY | O.NOFOLLOW), baseName(path)];
  const beside = temporary(name);
  let replaced = false;
  try {
    if (isThere(parent, beside)) unlinkat(parent, beside, false);
    const fd = openat(parent, beside, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o600);
    try {
      fchmod(fd, 0o600);
      writeAll(fd, text);
      if (lasting) yield syncing(fd);
    } finally {
      close(fd);
    }
    yield renaming(parent, beside, name);
    replaced = true;
    if (lasting) yield syncing(parent);
  } finally {
    if (!replaced) unlessErrno("ENOENT", () => unlinkat(parent, beside, false));
    close(parent);
  }
}

function replaceFile(path: AbsPath, text: string, lasting?: "passing"): void {
  for (const wait of replacing(path, text, lasting !== "passing")) wait.now();
}

async function replaceFileAside(path: AbsPath, text: string): Promise<void> {
  for (const wait of replacing(path, text, true)) await wait.aside();
}

function writeFile(path: AbsPath, text: string, mode: number): void {
  withFd(openat(AT_FDCWD, path, O.WRONLY | O.CREAT | O.NOFOLLOW, mode), (fd) => {
    fchmod(fd, mode);
    writeAll(fd, text);
    // Not O_TRUNC: a file that was empty for a moment reaches the disk before its last close(2) returns (ext4: 2 ms).
    const bytes = Buffer.byteLength(text);
    if (fstatSync(fd).size > bytes)
      nodeCall(
        "ftruncate",
        () => `ftruncate(${fdText(fd)}, ${bytes})`,
        () => ftruncateSync(fd, bytes),
      );
  });
}

function removeFile(path: AbsPath): void {
  withParent(path, (parent, name) => {
    for (const each of [temporary(name), name]) unlessErrno("ENOENT", () => unlinkat(parent, each, false));
  });
}

/** Everything that writes to this machine's file systems. */
export function linuxFiles(): Files {
  return {
    makeDir,
    removeDir: (path) => withParent(path, (parent, name) => unlinkat(parent, name, true)),
    replaceFile,
    replaceFileAside,
    writeFile,
    removeFile,
    setOwnership,
    lock: takeLock,
    unlockAndRemove: removeLock,
    walk: linuxWalk(),
  };
}
