import type { JoinSpec, Prepared } from "#model/launch";
import type { JoinPort } from "#ports/processes";
import { asInside, capabilitiesOf } from "./credentials.ts";
import { Children, type OnChild } from "./launch-children.ts";
import { startIn } from "./launch-groups.ts";
import { spawn } from "./launch-spawn.ts";
import { inNamespacesOf } from "./namespace.ts";
import { chdir, unmasked } from "./syscalls-process.ts";

/** Commands beside running entries of this machine. */
export function linuxJoin(onChild: OnChild): JoinPort {
  const children = new Children(onChild);
  return {
    join(spec, ready) {
      children.listen();
      return children.running(joinEntry(spec, ready));
    },
  };
}

/** One synchronous block, and no helper: what is executed lies inside, where none of the host's programs is. */
function joinEntry(
  { pid, workdir, cgroups }: JoinSpec,
  { user, argv: [name = "", ...rest], program, env }: Prepared,
): number {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const capabilities = capabilitiesOf(pid);
  const start = (): number => {
    chdir(workdir);
    return unmasked(() => spawn([name, ...rest], variables, [], [0, 1, 2], program), 0o022);
  };
  return startIn(cgroups, () => inNamespacesOf(pid, () => asInside(user, capabilities, start)));
}
