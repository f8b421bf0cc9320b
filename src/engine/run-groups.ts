import type { AbsPath, EnvId } from "#model/brand";
import { join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { handDown } from "#guard/aside";
import { inheritCpuset } from "#guard/cpuset";
import type { OwnedCgroup } from "#model/record";
import { runFiles } from "#record/runs";
import type { ActHost } from "./host.ts";
import type { OpenState } from "./state.ts";

/** How long an ended run's group may take to let go (ms). */
const PATIENCE_MS = 2000;

/**
 * The groups one run joins, and its number. It gets a group of its own below one of the environment's, by which its processes are known;
 * where memory is counted if anywhere, so that its kills for lack of memory can be told from those of other runs; else on v2, where the
 * environment's could hand no controller down while it held processes itself. It joins the environment's everywhere else.
 * A number that a detached run is known by is not taken twice: to forget that one would be to remove the group of this.
 */
export function runGroups(
  host: ActHost,
  {
    state,
    id,
    groups,
  }: { readonly state: OpenState; readonly id: EnvId; readonly groups: readonly OwnedCgroup[] },
): { readonly number: number; readonly cgroups: readonly OwnedCgroup[]; remove(): void } {
  const own =
    groups.find((g) => g.controllers.includes("memory")) ?? groups.find((g) => g.version === 2) ?? groups[0];
  if (own?.version === 2 && own.controllers.includes("memory")) handDown(host, own.dir, ["memory"]);
  const taken = (number: number): boolean =>
    host.reader.lstat(runFiles(state.path, id, number).dir) !== undefined;
  let number = 1;
  while (taken(number) || (own !== undefined && !host.cgroups.create(groupOf(own, number)))) number++;
  if (own === undefined) return { number, cgroups: groups, remove: () => undefined };
  const leaf: OwnedCgroup = { ...own, dir: groupOf(own, number) };
  if (own.version === 1) inheritCpuset(host, leaf.dir);
  return {
    number,
    cgroups: groups.map((g) => (g === own ? leaf : g)),
    remove: () => removeLeaf(host, leaf.dir),
  };
}

const groupOf = ({ dir }: OwnedCgroup, number: number): AbsPath => join(dir, `${number}`);

/** Destroy may have been quicker; a process the entry left in it makes it stay, and destroy ends that. */
export function removeLeaf(host: ActHost, dir: AbsPath, patienceMs: number = PATIENCE_MS): void {
  try {
    host.cgroups.remove(dir, patienceMs);
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOENT", "EBUSY"].includes(error.errno))) throw error;
  }
}

/** Removes groups of runs that are over, below an environment's: what a killed envctl left. Those with processes stay. */
export function removeEmptyLeaves(host: ActHost, groups: readonly OwnedCgroup[]): void {
  for (const { dir } of groups) {
    const names = host.reader.listAny(dir) ?? [];
    for (const name of names.filter((each) => /^[1-9]\d*$/.test(each))) removeLeaf(host, join(dir, name), 0);
  }
}
