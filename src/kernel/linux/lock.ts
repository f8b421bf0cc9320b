import { fstatSync, lstatSync, readFileSync, type BigIntStats } from "node:fs";
import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Held, LockAttempt } from "#ports/files";
import { AT_FDCWD, LOCK, O } from "./flags.ts";
import { deviceText } from "./stat.ts";
import { close, flock, openat, unlinkat } from "./syscalls-file.ts";

const held = new WeakMap<Held, number>();

/** Exclusive lock on a file that is made (0600) when missing; see the port. @throws KernelError */
export function takeLock(path: AbsPath): LockAttempt {
  for (;;) {
    const fd = openat(AT_FDCWD, path, O.RDWR | O.CREAT | O.NOFOLLOW, 0o600);
    let kept = false;
    try {
      const inode = fstatSync(fd, { bigint: true });
      if (!locked(fd)) return { kind: "taken", holder: () => holderOf(inode) };
      // Its last holder may have removed the file between our open and our lock: then others lock another inode.
      if (!isAt(path, inode)) continue;
      kept = true;
      return { kind: "held", lock: hold(fd) };
    } finally {
      if (!kept) close(fd);
    }
  }
}

/** Removes the file of a lock that this process holds, where it is still that file, and releases it. @throws KernelError */
export function removeLock(path: AbsPath, lock: Held): void {
  const fd = held.get(lock);
  if (fd !== undefined && isAt(path, fstatSync(fd, { bigint: true }))) unlinkat(AT_FDCWD, path, false);
  lock.release();
}

function hold(fd: number): Held {
  const lock: Held = {
    release() {
      if (!held.delete(lock)) return;
      // A child between fork and exec has a copy of the descriptor: closing alone would leave the lock to it for a moment.
      flock(fd, LOCK.UN);
      close(fd);
    },
  };
  held.set(lock, fd);
  return lock;
}

function locked(fd: number): boolean {
  try {
    flock(fd, LOCK.EX | LOCK.NB);
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.errno === "EAGAIN") return false;
    throw error;
  }
}

function isAt(path: AbsPath, inode: BigIntStats): boolean {
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return now !== undefined && now.ino === inode.ino && now.dev === inode.dev;
}

/**
 * The holder by device and inode in /proc/locks, `1: FLOCK ADVISORY WRITE 1234 fd:01:5678 0 EOF` (proc_locks(5)). btrfs shows another
 * device there than stat does, so one single lock on that inode number counts too. To read it takes an RCU grace period: 12 ms.
 */
function holderOf(inode: BigIntStats): number | undefined {
  const rows = readFileSync("/proc/locks", "latin1").matchAll(
    /^\d+: FLOCK +ADVISORY +WRITE +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /gm,
  );
  const same = [...rows].filter((row) => row[4] === String(inode.ino));
  const exact = same.filter(
    (row) => `${parseInt(row[2]!, 16)}:${parseInt(row[3]!, 16)}` === deviceText(inode.dev),
  );
  const row = exact[0] ?? (same.length === 1 ? same[0] : undefined);
  const pid = Number(row?.[1] ?? 0);
  return pid > 0 ? pid : undefined;
}
