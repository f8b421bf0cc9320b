import { writeSync } from "node:fs";
import { parentOf, type AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Cgroups } from "#ports/cgroups";
import { pause } from "./clock.ts";
import { refused } from "./ffi.ts";
import { AT_FDCWD, MAGIC, O } from "./flags.ts";
import { nodeCall } from "./node-call.ts";
import { withParent } from "./place.ts";
import { fdText, quote } from "./print.ts";
import { fstatfsMagic, mkdirat, openat, unlinkat, withFd } from "./syscalls-file.ts";
import { kill } from "./syscalls-process.ts";

const MAGICS: readonly number[] = [MAGIC.CGROUP, MAGIC.CGROUP2];

/** An ordinary directory would take mkdir and files just as well, and limit nothing. */
function prove(fd: number, dir: AbsPath): void {
  const magic = fstatfsMagic(fd);
  if (MAGICS.includes(magic)) return;
  const hint = `no cgroup file system is mounted at ${dir}: the controller is not available there`;
  throw new KernelError(`statfs(${quote(dir)}) = {f_type=0x${magic.toString(16)}}`, "ENODEV", hint);
}

/** Gives refusals on a cgroup file system hints of their own. */
function asCgroup<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof KernelError ? refused("cgroup", error.call, error.errno, error) : error;
  }
}

function create(dir: AbsPath): boolean {
  return withParent(dir, (parent, name) => {
    prove(parent, parentOf(dir));
    try {
      asCgroup(() => mkdirat(parent, name, 0o755));
      return true;
    } catch (error) {
      if (error instanceof KernelError && error.errno === "EEXIST") return false;
      throw error;
    }
  });
}

function write(dir: AbsPath, file: string, value: string): void {
  withFd(openat(AT_FDCWD, dir, O.PATH | O.DIRECTORY | O.NOFOLLOW), (at) => {
    prove(at, dir);
    // An empty write reaches no handler, a newline does.
    const text = value === "" ? "\n" : value;
    // Neither O_CREAT nor O_TRUNC: the file is the kernel's.
    const open = asCgroup(() => openat(at, file, O.WRONLY | O.NOFOLLOW));
    withFd(open, (fd) => {
      const call = (): string => `write(${fdText(fd)}, ${quote(text)}, ${text.length})`;
      nodeCall("cgroup", call, () => writeSync(fd, text));
    });
  });
}

/** Delays grow from 1 ms to 50 ms: a killed process leaves its group within a few. */
function remove(dir: AbsPath, patienceMs: number): void {
  for (let waited = 0, delay = 1; ; delay = Math.min(delay * 2, 50)) {
    try {
      removeOnce(dir);
      return;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === "ENOENT") return;
      if (error.errno !== "EBUSY" || waited + delay > patienceMs) throw error;
    }
    pause(delay);
    waited += delay;
  }
}

function removeOnce(dir: AbsPath): void {
  withParent(dir, (parent, name) => {
    prove(parent, parentOf(dir));
    asCgroup(() => unlinkat(parent, name, true));
  });
}

/** The cgroups of this machine. */
export function linuxCgroups(): Cgroups {
  return {
    create,
    write,
    remove,
    kill(pid) {
      try {
        kill(pid, 9);
      } catch (error) {
        if (!(error instanceof KernelError && error.errno === "ESRCH")) throw error;
      }
    },
    pause,
  };
}
