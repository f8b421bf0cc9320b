import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { handDown } from "#guard/aside";
import { inheritCpuset } from "#guard/cpuset";
import type { OwnedCgroup } from "#model/record";
import type { WriteHost } from "./host.ts";

/** How long an ended run's group may take to let go (ms). */
const PATIENCE_MS = 2000;

/**
 * The groups one run joins. Where memory is counted it gets a group of its own below the environment's, so that its kills for lack of
 * memory can be told from those of other runs; on v2 in any case, since the environment's could hand no controller down while it held
 * processes itself. On v1 it joins the environment's everywhere else.
 */
export function runGroups(
  host: WriteHost,
  groups: readonly OwnedCgroup[],
): { readonly cgroups: readonly OwnedCgroup[]; remove(): void } {
  const own = groups.find((g) => g.controllers.includes("memory")) ?? groups.find((g) => g.version === 2);
  if (own === undefined) return { cgroups: groups, remove: () => undefined };
  if (own.version === 2 && own.controllers.includes("memory")) handDown(host, own.dir, ["memory"]);
  const dir = freeGroup(host, own.dir);
  if (own.version === 1) inheritCpuset(host, dir);
  const leaf: OwnedCgroup = { ...own, dir };
  return { cgroups: groups.map((g) => (g === own ? leaf : g)), remove: () => removeLeaf(host, dir) };
}

function freeGroup(host: WriteHost, parent: AbsPath): AbsPath {
  for (let n = 1; ; n++) {
    const dir = join(parent, `${n}`);
    if (host.cgroups.create(dir)) return dir;
  }
}

/** Destroy may have been quicker; a process the entry left in it makes it stay, and destroy ends that. */
function removeLeaf(host: WriteHost, dir: AbsPath): void {
  try {
    host.cgroups.remove(dir, PATIENCE_MS);
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOENT", "EBUSY"].includes(error.errno))) throw error;
  }
}
