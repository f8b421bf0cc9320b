import { CAPABILITIES, holds } from "#model/capabilities";
import { failure } from "#model/diagnostic";
import type { JoinSpec, Prepared } from "#model/launch";
import type { JoinPort, Running } from "#ports/processes";
import { asInside, rightsOf, type Rights } from "./credentials.ts";
import { openBeneath } from "./beneath.ts";
import { AT_FDCWD, MAGIC, O } from "./flags.ts";
import { Children, type OnChild } from "./launch-children.ts";
import { startIn } from "./launch-groups.ts";
import { spawn } from "./launch-spawn.ts";
import { withTerminal } from "./launch-terminal.ts";
import { inNamespacesOf } from "./namespace.ts";
import { copySize, openPty } from "./pty.ts";
import type { Outside } from "./relay.ts";
import { close, fstatfsMagic, openat, withFd } from "./syscalls-file.ts";
import { filterFor } from "./seccomp.ts";
import { chdir, unmasked } from "./syscalls-process.ts";

/** Commands beside running entries of this machine. */
export function linuxJoin(onChild: OnChild, outside: Outside): JoinPort {
  const children = new Children(onChild);
  // Once: it stays around this thread, and the next command is started by the same.
  let filtered = false;
  const start = (spec: JoinSpec, ready: Prepared, stdio: Parameters<typeof spawn>[3]): Running => {
    const rights = rightsOf(spec.pid);
    const filter = rights.filtered && !filtered ? filterAround(rights) : undefined;
    const inside = (): void => {
      filter?.();
      filtered ||= filter !== undefined;
    };
    return children.running(joinEntry(spec, ready, { rights, inside, stdio }));
  };
  return {
    join(spec, ready) {
      children.listen();
      if (spec.stdio === "ours") return start(spec, ready, [0, 1, 2]);
      if (spec.stdio === "none")
        return withFd(openat(AT_FDCWD, "/dev/null", O.RDWR), (none) =>
          start(spec, ready, [none, none, none]),
        );
      const { master, slave } = withFd(terminalsOf(spec.pid), (at) => openPty(at, ready.user.uid));
      try {
        copySize([1, 0], slave);
        return withTerminal(start(spec, ready, slave), master, outside);
      } catch (error) {
        close(master);
        throw error;
      } finally {
        close(slave);
      }
    },
  };
}

/**
 * The terminals of a run. An entry that may mount can put anything in their place, a symlink that leads to the host's devices too:
 * nothing is opened in what is no devpts. @throws KernelError, Failure 125
 */
function terminalsOf(pid: number): number {
  const found = openBeneath(`/proc/${pid}/root`, "/dev/pts");
  if (found !== undefined && fstatfsMagic(found.fd) === MAGIC.DEVPTS) return found.fd;
  if (found !== undefined) close(found.fd);
  throw failure(125, "refused", "/dev/pts inside is not where terminals are", {
    hint: "the entry unmounted or replaced it; without a terminal: envctl exec -i",
  });
}

type Joining = {
  readonly rights: Rights;
  /** What is still to be done once there. */
  readonly inside: () => void;
  readonly stdio: Parameters<typeof spawn>[3];
};

/** One synchronous block, and no helper: what is executed lies inside, where none of the host's programs is. */
function joinEntry(
  { pid, workdir, cgroups }: JoinSpec,
  { user, argv: [name = "", ...rest], program, env }: Prepared,
  { rights, inside, stdio }: Joining,
): number {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const start = (): number => {
    chdir(workdir);
    inside();
    return unmasked(() => spawn([name, ...rest], variables, [], stdio, program), 0o022);
  };
  return startIn(cgroups, pid, () => inNamespacesOf(pid, () => asInside(user, rights, start)));
}

/** Answers what puts the entry's filter around the calling thread. Made before: once we are inside, the library is out of reach. */
function filterAround({ bounding }: Rights): () => void {
  return filterFor(CAPABILITIES.filter((capability) => holds(bounding, capability)));
}
