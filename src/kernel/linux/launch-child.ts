import { readlinkSync } from "node:fs";
import { failure } from "#model/diagnostic";
import type { Ending, LaunchSpec, Prepared } from "#model/launch";
import type { OwnedCgroup } from "#model/record";
import { AT_FDCWD, O } from "./flags.ts";
import { awaitPid, supervised, type Stdio } from "./launch-detach.ts";
import { FD, type Helpers } from "./launch-helpers.ts";
import { entryCommand } from "./launch-script.ts";
import { readWithin, spawn, tell } from "./launch-spawn.ts";
import { noProc } from "./launch-system.ts";
import { writeFilter } from "./seccomp.ts";
import { close, openat, pipe2 } from "./syscalls-file.ts";

/** How long helpers may take: they run under the entry's own limits, and a CPU limit of a hundredth makes 10 ms a second. */
const PATIENCE_MS = 60_000;

/** A directory of the old root that the child can mount proc on: it is detached before the entry runs. */
export const PROC_SCRATCH = "/sys";

/**
 * An entry that waits for `go`. Dropping it ends it: at end of file it does not go on. `child` is ours: the entry itself, or the
 * supervisor of a detached one.
 */
export type Waiting = { readonly child: number; readonly go: number; readonly ok: number };

/**
 * Opens what the entry writes itself into. On v1 `tasks` moves a single thread and takes no lock of thread groups, which would wait
 * for a grace period (1 ms against 15-40). @throws KernelError, Failure
 */
export function openCgroups(cgroups: readonly OwnedCgroup[], fds: number[]): readonly number[] {
  const most = FD.last - FD.cgroups + 1;
  if (cgroups.length > most)
    throw failure(125, "internal", `an entry can join ${most} cgroups, not ${cgroups.length}`);
  return cgroups.map(({ dir, version }) => {
    const fd = openat(AT_FDCWD, `${dir}/${version === 1 ? "tasks" : "cgroup.procs"}`, O.WRONLY);
    fds.push(fd);
    return fd;
  });
}

/**
 * Starts an entry's process up to where it waits; descriptors of this end go onto `fds`. `pidns`: proc is mounted from outside, else
 * the child mounts it at PROC_SCRATCH. `stdio`: other descriptors than ours. A detached one gets a supervisor. @throws KernelError, Failure
 */
export function spawnWaiting(
  helpers: Helpers,
  spec: LaunchSpec,
  ready: Prepared,
  pidns: boolean,
  cgroups: readonly number[],
  fds: number[],
  stdio: Stdio | undefined,
  detached: boolean,
): Waiting {
  const theirs: number[] = [];
  try {
    const filter = helpers.installer === undefined ? undefined : pipe2();
    if (filter !== undefined) {
      fds.push(filter[0]);
      theirs.push(filter[1]);
    }
    const { argv, env } = entryCommand(helpers, spec, ready, {
      ...(pidns ? {} : { procAt: PROC_SCRATCH }),
      // By our number in the proc that the child sees, since a shell has none left to inherit it as.
      ...(filter === undefined ? {} : { filterAt: `/proc/${readlinkSync("/proc/self")}/fd/${filter[0]}` }),
    });
    const words = detached ? supervised(helpers, spec, argv) : argv;
    const [goRead, go] = pipe2();
    const [ok, okWrite] = pipe2();
    fds.push(go, ok);
    theirs.push(goRead, okWrite);
    const child = spawn(words, env, [goRead, okWrite, ...cgroups], stdio);
    if (filter !== undefined) writeFilter(filter[1], spec.capabilities);
    return { child, go, ok };
  } finally {
    // The child must be the only writer left, so that its end is an end of file here.
    for (const fd of theirs) close(fd);
  }
}

/** The entry's number in our namespace; a supervisor tells its child's. @throws Failure 125 */
export function entryPid({ child, ok }: Waiting, supervised: boolean): number {
  return supervised ? awaitPid(ok, PATIENCE_MS) : child;
}

/** Returns once the child waits for `go`, in its groups and with its ids. @throws Failure; EndedEarly */
export function awaitOk({ ok }: Waiting, cgroups: readonly OwnedCgroup[]): void {
  const said = readWithin(ok, PATIENCE_MS);
  if (said === "ok\n") return;
  const cgroup = /^cgroup (\d)\n/.exec(said ?? "")?.[1];
  if (cgroup !== undefined) {
    throw failure(125, "kernel", `the kernel refused to put the entry into ${cgroups[Number(cgroup)]?.dir}`, {
      hint: "a cpuset needs CPUs and memory nodes, a frozen or removed group takes nobody",
    });
  }
  if (said === "proc\n") throw noProc();
  if (said === undefined)
    throw failure(125, "kernel", `the entry's process was not ready within ${PATIENCE_MS / 1000} s`);
  throw new EndedEarly();
}

/** Lets the entry run. @throws EndedEarly */
export function letGo({ go }: Waiting): void {
  if (!tell(go, "go\n")) throw new EndedEarly();
}

/** The child closed its pipes. How it ended is known once it is reaped. */
class EndedEarly extends Error {}

/** What to throw for `error` now that the child's ending is known. */
export function explained(error: unknown, ending: Ending | undefined): unknown {
  if (!(error instanceof EndedEarly) || ending === undefined) return error;
  const killed = "signal" in ending;
  const summary = `the entry's process ended ${killed ? `by ${ending.signal}` : `with exit ${ending.code}`} before it was started`;
  const hint = "the limits may be too small to start anything: raise limits.memory";
  return failure(125, "kernel", summary, killed && ending.signal === "SIGKILL" ? { hint } : {});
}
