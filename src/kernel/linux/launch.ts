import { readlinkSync } from "node:fs";
import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { Ending, LaunchSpec, Prepared } from "#model/launch";
import type { OwnedCgroup } from "#model/record";
import type { LaunchPort } from "#ports/processes";
import type { Stage } from "#ports/mounts";
import { AT, AT_FDCWD, CLONE, MOUNT_ATTR, O, OPEN_TREE, UMOUNT } from "./flags.ts";
import { entryCommand, FD, findHelpers, type Helpers } from "./launch-script.ts";
import { Children, killAndReap, readWithin, spawn, tell, type OnChild } from "./launch-spawn.ts";
import {
  loopbackUp,
  mountDev,
  mountProc,
  mountSys,
  newProc,
  procTakesPidns,
  takenProc,
} from "./launch-system.ts";
import { linuxStage, type MountOptions } from "./mounts.ts";
import { inNamespaces } from "./namespace.ts";
import { close, openat, pipe2, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount, openTree, pivotRoot, umount2 } from "./syscalls-mount.ts";
import { fchdir, sethostname } from "./syscalls-process.ts";

/** `mounts`: fallbacks of the stage to force; `pidns: false`: the child mounts proc, as on kernels before 6.17. */
export type LaunchOptions = {
  readonly onChild: OnChild;
  readonly mounts?: MountOptions;
  readonly pidns?: false;
};

/** How long helpers may take: they run under the entry's own limits, and a CPU limit of a hundredth makes 10 ms a second. */
const PATIENCE_MS = 60_000;

/** A directory of the old root that the child can mount proc on: it is detached before the entry runs. */
const PROC_SCRATCH = "/sys";

/** The launches of this machine. Everything happens on the calling thread, between two turns of the event loop. */
export function linuxLaunch(options: LaunchOptions): LaunchPort {
  const children = new Children(options.onChild);
  let host: Host | undefined;
  return {
    launch(spec, build, prepare) {
      host ??= {
        helpers: findHelpers(),
        stage: linuxStage(options.mounts),
        pidns: options.pidns ?? procTakesPidns(),
      };
      children.listen();
      return children.running(launchEntry({ spec, build, prepare, host }));
    },
  };
}

/** What does not change from one launch to the next. */
type Host = { readonly helpers: Helpers; readonly stage: Stage; readonly pidns: boolean };

type Launch = {
  readonly spec: LaunchSpec;
  readonly build: (stage: Stage) => AbsPath;
  readonly prepare: (root: AbsPath) => Prepared;
  readonly host: Host;
};

/** An entry that waits for `go`. Dropping it ends it: at end of file it does not go on. */
type Waiting = { readonly pid: number; readonly go: number; readonly ok: number };

function launchEntry(launch: Launch): number {
  const { spec, host } = launch;
  const before = whereWeAre();
  const fds: number[] = [];
  let waiting: Waiting | undefined;
  try {
    const cgroups = openCgroups(spec.cgroups, fds);
    const network = spec.network === "none" ? CLONE.NEWNET : 0;
    inNamespaces(CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWPID | network, () => {
      const at = launch.build(host.stage);
      const ready = launch.prepare(at);
      withFd(sealHost(at), (root) => {
        waiting = spawnWaiting(launch, ready, cgroups, fds);
        furnish(launch, root);
        awaitOk(waiting, spec.cgroups);
        if (!host.pidns) mountProc(root, takenProc(PROC_SCRATCH));
        changeRoot(root);
        if (!tell(waiting.go, "go\n")) throw new EndedEarly();
      });
    });
    if (whereWeAre() !== before)
      throw failure(125, "internal", "could not return to the namespaces envctl came from");
    return waiting!.pid;
  } catch (error) {
    const ending = waiting === undefined ? undefined : killAndReap(waiting.pid);
    throw error instanceof EndedEarly ? endedEarly(ending) : error;
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Namespaces of this thread and of its next child, to be compared. */
function whereWeAre(): string {
  return ["mnt", "uts", "ipc", "net", "pid_for_children"]
    .map((name) => readlinkSync(`/proc/thread-self/ns/${name}`))
    .join();
}

/**
 * Opens what the entry writes itself into. On v1 `tasks` moves a single thread and takes no lock of thread groups, which would wait
 * for a grace period (1 ms against 15-40). @throws KernelError, Failure
 */
function openCgroups(cgroups: readonly OwnedCgroup[], fds: number[]): readonly number[] {
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
 * Makes the old root read-only with all that is mounted in it, and the new one a mount of its own that stays as it is: what runs
 * inside finds host programs through /proc/PID/exe of its helpers, and must not be able to write to them (CVE-2019-5736).
 */
function sealHost(at: AbsPath): number {
  const tree = openTree(AT_FDCWD, at, OPEN_TREE.CLONE | AT.RECURSIVE | AT.SYMLINK_NOFOLLOW);
  try {
    mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { set: MOUNT_ATTR.RDONLY });
    withFd(openat(AT_FDCWD, at, O.PATH | O.DIRECTORY | O.NOFOLLOW), (place) => moveMount(tree, place));
    return tree;
  } catch (error) {
    close(tree);
    throw error;
  }
}

function spawnWaiting(
  { spec, host }: Launch,
  ready: Prepared,
  cgroups: readonly number[],
  fds: number[],
): Waiting {
  const { argv, env } = entryCommand(host.helpers, spec, ready, host.pidns ? undefined : PROC_SCRATCH);
  const [goRead, go] = pipe2();
  const [ok, okWrite] = pipe2();
  fds.push(go, ok);
  try {
    return { pid: spawn(argv, env, [goRead, okWrite, ...cgroups]), go, ok };
  } finally {
    // The child must be the only writer left, so that its end is an end of file here.
    close(goRead);
    close(okWrite);
  }
}

/** All that can be done while the child starts. */
function furnish({ spec, host }: Launch, root: number): void {
  if (host.pidns) mountProc(root, newProc());
  mountDev(root);
  mountSys(root);
  sethostname(spec.hostname);
  if (spec.network === "none") loopbackUp();
}

function awaitOk({ ok }: Waiting, cgroups: readonly OwnedCgroup[]): void {
  const said = readWithin(ok, PATIENCE_MS);
  if (said === "ok\n") return;
  const cgroup = /^cgroup (\d)\n/.exec(said ?? "")?.[1];
  if (cgroup !== undefined) {
    throw failure(125, "kernel", `the kernel refused to put the entry into ${cgroups[Number(cgroup)]?.dir}`, {
      hint: "a cpuset needs CPUs and memory nodes, a frozen or removed group takes nobody",
    });
  }
  if (said === "proc\n") throw failure(125, "kernel", "proc could not be mounted in the new pid namespace");
  if (said === undefined)
    throw failure(125, "kernel", `the entry's process was not ready within ${PATIENCE_MS / 1000} s`);
  throw new EndedEarly();
}

/** The child closed its pipe; how it ended is known once it is reaped. */
class EndedEarly extends Error {}

function endedEarly(ending: Ending | undefined): Error {
  const how =
    ending === undefined ? "" : "signal" in ending ? ` by ${ending.signal}` : ` with exit ${ending.code}`;
  const hint = how.endsWith("SIGKILL")
    ? "the limits may be too small to start anything: raise limits.memory"
    : undefined;
  return failure(
    125,
    "kernel",
    `the entry's process ended${how} before it was started`,
    hint === undefined ? {} : { hint },
  );
}

/** pivot_root(2) takes every process of this namespace along whose root is the old one: the waiting child too. */
function changeRoot(root: number): void {
  fchdir(root);
  pivotRoot(".", ".");
  umount2(".", UMOUNT.DETACH);
}
