import type { AbsPath } from "#model/brand";
import { join, parentOf } from "#model/brand";
import { parseMountinfo } from "#model/mountinfo";
import { readMountinfo } from "#observe/host";
import { proc, quietly } from "#observe/proc";
import type { Cgroups } from "#ports/cgroups";
import type { Reader } from "#ports/reader";
import { environmentGroup, groupTree, proveGroup, type Owner } from "./groups.ts";

/** What says that somebody froze a group itself, and what is written to let it go on: v1 (cgroup-v1/freezer-subsystem.rst), v2. */
const FREEZERS = [
  { said: "freezer.self_freezing", file: "freezer.state", value: "THAWED" },
  { said: "cgroup.freeze", file: "cgroup.freeze", value: "0" },
] as const;

const isFrozen = (reader: Reader, dir: AbsPath, said: string): boolean =>
  quietly(() => reader.textAny(join(dir, said)))?.trim() === "1";

/**
 * Lets go on what somebody froze in groups of ours, so that it can take the signal it was sent: on v1 a frozen process does not even end by
 * SIGKILL, on v2 by what it has no handler for. A run's group is frozen with the environment's, too. @throws Failure refused; KernelError
 */
export function thaw(
  { reader, cgroups }: { readonly reader: Reader; readonly cgroups: Cgroups },
  owner: Owner,
  dirs: readonly AbsPath[],
): void {
  for (const dir of dirs) {
    proveGroup(owner, dir);
    for (const each of new Set([environmentGroup(dir), ...groupTree(reader, dir)]))
      for (const { said, file, value } of FREEZERS)
        if (isFrozen(reader, each, said)) cgroups.write(each, file, value);
  }
}

/** The group whose freezing keeps a process from ending, on v1; undefined where it is not frozen. */
export function frozenBy(reader: Reader, pid: number): AbsPath | undefined {
  const own = quietly(() => reader.textAny(proc(pid, "cgroup"))) ?? "";
  const path = /^\d+:(?:[^:]*,)?freezer(?:,[^:]*)?:(.*)$/m.exec(own)?.[1];
  const mounts = parseMountinfo(readMountinfo(reader), [" - cgroup "]);
  const top = mounts.find(({ type, superOptions }) => type === "cgroup" && superOptions.includes("freezer"));
  if (path === undefined || top === undefined) return undefined;
  for (let dir = join(top.point as AbsPath, path); dir !== top.point; dir = parentOf(dir))
    if (isFrozen(reader, dir, FREEZERS[0].said)) return dir;
  return undefined;
}
