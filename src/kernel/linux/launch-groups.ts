import { readFileSync } from "node:fs";
import { isWithin, join, type AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import { parseMountinfo } from "#model/mountinfo";
import type { OwnedCgroup } from "#model/record";
import { AT_FDCWD, O } from "./flags.ts";
import { reapWithin } from "./launch-children.ts";
import { writeAll } from "./inside.ts";
import { close, openat } from "./syscalls-file.ts";

/**
 * Starts a process in groups; `start` answers its number. On v1 the calling thread goes there and back and the process is born inside: a
 * single thread moves by itself, without a lock of all processes. On v2 only whole processes move, and this one would be charged for what
 * it uses meanwhile; so it would in v1's memory, by its main thread (mm_struct's owner), and where memory has run out the kernel would
 * end it for that. There the new one is moved as soon as it is there. The first move after a quiet time waits for a grace period (8 to
 * 24 ms), the next takes 0.05: so `beside`, which is in these groups already, goes first. @throws KernelError, Failure; then nothing runs
 */
export function startIn(groups: readonly OwnedCgroup[], beside: number, start: () => number): number {
  const fds: number[] = [];
  const open = (dir: string, file: string): number => {
    const fd = openat(AT_FDCWD, `${dir}/${file}`, O.WRONLY);
    fds.push(fd);
    return fd;
  };
  try {
    const births = groups.filter((group) => group.version === 1 && !group.controllers.includes("memory"));
    const there = births.map(({ dir }) => open(dir, "tasks"));
    const back = births.length === 0 ? [] : homes(births).map((dir) => open(dir, "tasks"));
    const moves = groups
      .filter((group) => !births.includes(group))
      .map(({ dir }) => open(dir, "cgroup.procs"));
    for (const fd of moves) writeAll(fd, `${beside}`);
    try {
      for (const fd of there) writeAll(fd, "0");
      const pid = start();
      try {
        for (const fd of moves) writeAll(fd, `${pid}`);
      } catch (error) {
        // The group went with its last process just now: the new one must not go on without its limits.
        reapWithin(pid, 0);
        throw error;
      }
      return pid;
    } finally {
      for (const fd of back) writeAll(fd, "0");
    }
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Where the calling thread is, in the hierarchies of these v1 groups. @throws Failure 125 */
function homes(groups: readonly OwnedCgroup[]): readonly AbsPath[] {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo").toString(), [" - cgroup "]);
  const own = readFileSync("/proc/thread-self/cgroup", "latin1").split("\n");
  return groups.map(({ dir }) => {
    const mount = mounts.findLast(({ type, point }) => type === "cgroup" && isWithin(point, dir));
    // `4:cpu,cpuacct:/path` (cgroups(7)): controllers are options of the mount.
    const line = own
      .map((text) => /^\d+:([^:]+):(.*)$/.exec(text))
      .find((found) => found?.[1]!.split(",").every((name) => mount?.superOptions.includes(name)));
    const path = line?.[2];
    if (mount === undefined || path === undefined || !isWithin(mount.root, path))
      throw failure(125, "kernel", `cannot tell which group of ${dir}'s hierarchy envctl is in`);
    return join(mount.point as AbsPath, path.slice(mount.root === "/" ? 0 : mount.root.length));
  });
}
