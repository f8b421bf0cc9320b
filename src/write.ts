// What commands that change things need besides, behind one import: a chunk costs a millisecond to load, whatever is in it.
import { linuxCgroups } from "#kernel/cgroups";
import { linuxFiles } from "#kernel/files";
import { linuxLayers } from "#kernel/layers";
import { linuxLaunch } from "#kernel/launch";
import type { OnChild } from "#kernel/launch-children";
import { linuxMounts } from "#kernel/mounts";
import type { linuxReader } from "#kernel/reader";
import type { Outside } from "#kernel/relay";

export { commands } from "#commands/write";

type Reader = ReturnType<typeof linuxReader>;

/** The ports that write. */
export function linuxWriters(
  rootless: Reader["rootless"],
  onChild: OnChild,
  outside: Outside,
): {
  readonly mounts: ReturnType<typeof linuxMounts>;
  readonly files: ReturnType<typeof linuxFiles>;
  readonly layers: ReturnType<typeof linuxLayers>;
  readonly cgroups: ReturnType<typeof linuxCgroups>;
  readonly launch: ReturnType<typeof linuxLaunch>;
} {
  return {
    mounts: linuxMounts(),
    files: linuxFiles(),
    layers: linuxLayers(rootless),
    cgroups: linuxCgroups(),
    launch: linuxLaunch({ onChild, outside, rootless: rootless !== undefined, keepsFilter: true }),
  };
}
