import { readSync } from "node:fs";
import { CAPABILITIES, holds } from "#model/capabilities";
import type { JoinSpec, Prepared } from "#model/launch";
import type { JoinPort } from "#ports/processes";
import { asInside, rightsOf } from "./credentials.ts";
import { AT_FDCWD, O } from "./flags.ts";
import { Children, type OnChild } from "./launch-children.ts";
import { startIn } from "./launch-groups.ts";
import { spawn } from "./launch-spawn.ts";
import { withTerminal } from "./launch-terminal.ts";
import { inNamespacesOf } from "./namespace.ts";
import { copySize, openPty } from "./pty.ts";
import type { Outside } from "./relay.ts";
import { close, openat, withFd } from "./syscalls-file.ts";
import { filterFor } from "./seccomp.ts";
import { carryKey, chdir, unmasked } from "./syscalls-process.ts";

/** Commands beside running entries of this machine. */
export function linuxJoin(onChild: OnChild, outside: Outside): JoinPort {
  const children = new Children(onChild);
  return {
    join(spec, ready) {
      children.listen();
      if (!spec.terminal) return children.running(joinEntry(spec, ready));
      const pts = `/proc/${spec.pid}/root/dev/pts`;
      const { master, slave } = withFd(openat(AT_FDCWD, pts, O.PATH | O.DIRECTORY), (at) =>
        openPty(at, ready.user.uid),
      );
      try {
        copySize([1, 0], slave);
        return withTerminal(children.running(joinEntry(spec, ready, slave)), master, outside);
      } catch (error) {
        close(master);
        throw error;
      } finally {
        close(slave);
      }
    },
  };
}

/** One synchronous block, and no helper: what is executed lies inside, where none of the host's programs is. */
function joinEntry(
  { pid, workdir, cgroups }: JoinSpec,
  { user, argv: [name = "", ...rest], program, env }: Prepared,
  terminal?: number,
): number {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const rights = rightsOf(pid);
  const bounding = CAPABILITIES.filter((capability) => holds(rights.bounding, capability));
  const key = randomNumber();
  // Made before: once we are inside, the library is out of reach.
  const filter = rights.filtered ? filterFor(bounding, key) : undefined;
  const start = (): number => {
    chdir(workdir);
    carryKey(key);
    filter?.();
    return unmasked(() => spawn([name, ...rest], variables, [], terminal ?? [0, 1, 2], program), 0o022);
  };
  return startIn(cgroups, () => inNamespacesOf(pid, () => asInside(user, rights, start)));
}

/** 64 bits that nobody guesses. */
function randomNumber(): bigint {
  const bytes = Buffer.alloc(8);
  withFd(openat(AT_FDCWD, "/dev/urandom", 0), (fd) => readSync(fd, bytes));
  return bytes.readBigUInt64LE();
}
