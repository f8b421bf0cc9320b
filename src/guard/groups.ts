import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { baseName, join, parentOf } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import type { OwnedCgroup } from "#model/record";
import { quietly } from "#observe/proc";
import type { Cgroups } from "#ports/cgroups";
import type { Reader } from "#ports/reader";
import { stepBack } from "./aside.ts";

export type Owner = { readonly lineage: Lineage; readonly id: EnvId };

/** The group of an environment, of that or of a run's below it. */
export const environmentGroup = (dir: AbsPath): AbsPath =>
  /^[1-9]\d*$/.test(baseName(dir)) ? parentOf(dir) : dir;

/** Groups are proven by place alone: `…/envctl-LINEAGE/ID`, or `…/ID/N` for a run's. That the path lies on a cgroup file system is checked by the port. @throws Failure refused */
export function proveGroup(owner: Owner, dir: AbsPath): void {
  const group = environmentGroup(dir);
  const place = [baseName(parentOf(group)), baseName(group)];
  if (join(dir) === dir && place[0] === `envctl-${owner.lineage}` && place[1] === owner.id) return;
  throw failure(1, "refused", `${dir} is not a cgroup of ${owner.id}`, {
    detail: `its place would be envctl-${owner.lineage}/${owner.id}`,
  });
}

/** A group and all groups below it, deepest first; nothing where it is gone. */
export function groupTree(reader: Reader, dir: AbsPath): readonly AbsPath[] {
  const stat = reader.stat(dir);
  if (stat?.type !== "dir") return [];
  // kernfs counts 2 + groups below; control files need not be looked at where there are none.
  if (stat.nlink === 2) return [dir];
  const below = (quietly(() => reader.listAny(dir)) ?? []).filter(
    (name) => reader.lstat(join(dir, name))?.type === "dir",
  );
  return [...below.flatMap((name) => groupTree(reader, join(dir, name))), dir];
}

/** Every process in these groups and below, those in the deepest groups first. */
export function processesIn(reader: Reader, dirs: readonly AbsPath[]): ReadonlySet<number> {
  const all = dirs.flatMap((dir) => groupTree(reader, dir));
  return new Set(
    all.flatMap((dir) =>
      (quietly(() => reader.textAny(join(dir, "cgroup.procs"))) ?? "")
        .split("\n")
        .filter(Boolean)
        .map(Number),
    ),
  );
}

/** How long a group whose last process was just killed may take to be empty (ms). */
const PATIENCE_MS = 2000;

/**
 * Removes groups of an environment with all groups below, deepest first, then the state directory's own parent group where it was the last
 * one in it. Groups that are gone are fine. @throws KernelError EBUSY where processes remain
 */
export function removeGroups(
  ports: { readonly reader: Reader; readonly cgroups: Cgroups },
  owner: Owner,
  groups: readonly OwnedCgroup[],
): void {
  const { reader, cgroups } = ports;
  for (const { dir } of groups) {
    proveGroup(owner, dir);
    for (const each of groupTree(reader, dir)) cgroups.remove(each, PATIENCE_MS);
    removeParent(ports, parentOf(dir));
  }
}

function removeParent(
  { reader, cgroups }: { readonly reader: Reader; readonly cgroups: Cgroups },
  parent: AbsPath,
): void {
  if ((reader.stat(parent)?.nlink ?? 3) > 2) return; // other environments', or gone
  try {
    cgroups.remove(parent, 0);
    stepBack({ reader, cgroups }, parentOf(parent));
  } catch (error) {
    // Another envctl made a group in it just now, or removed it.
    if (!(error instanceof KernelError && ["EBUSY", "ENOTEMPTY", "ENOENT"].includes(error.errno)))
      throw error;
  }
}
