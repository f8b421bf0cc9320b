// What commands on detached runs need, behind an import of its own: commands that change environments do without.
import { linuxCgroups } from "#kernel/cgroups";
import { linuxFiles } from "#kernel/files";
import type { OnChild } from "#kernel/launch-children";
import { linuxJoin } from "#kernel/launch-join";
import type { Outside } from "#kernel/relay";
import { linuxSignals } from "#kernel/signals";

export { awaitReady, commands } from "#commands/control";

/** The ports that reach running entries. */
export function linuxControl(
  onChild: OnChild,
  outside: Outside,
): {
  readonly files: ReturnType<typeof linuxFiles>;
  readonly cgroups: ReturnType<typeof linuxCgroups>;
  readonly join: ReturnType<typeof linuxJoin>;
  readonly signals: ReturnType<typeof linuxSignals>;
} {
  return {
    files: linuxFiles(),
    cgroups: linuxCgroups(),
    join: linuxJoin(onChild, outside),
    signals: linuxSignals(),
  };
}
