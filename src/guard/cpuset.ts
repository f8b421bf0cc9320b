import type { AbsPath } from "#model/brand";
import { join, parentOf } from "#model/brand";
import type { Cgroups } from "#ports/cgroups";
import type { Reader } from "#ports/reader";

/**
 * A new v1 group takes no process before it has CPUs and memory nodes (cpuset(7)): it gets those of the group above. Looked for in every
 * hierarchy, since cpuset may be mounted together with any other controller. On v2 an empty list means just that.
 */
export function inheritCpuset(
  { reader, cgroups }: { readonly reader: Reader; readonly cgroups: Cgroups },
  dir: AbsPath,
): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (reader.textAny(join(dir, file))?.trim() === "")
      cgroups.write(dir, file, reader.text(join(parentOf(dir), file)).trim());
  }
}
