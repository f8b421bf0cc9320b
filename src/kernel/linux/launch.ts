import { readlinkSync, stat } from "node:fs";
import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { Ending, LaunchSpec, Prepared } from "#model/launch";
import type { Detachment, DetachPort, LaunchPort } from "#ports/processes";
import type { Stage } from "#ports/mounts";
import { AT, AT_FDCWD, CLONE, MOUNT_ATTR, O, OPEN_TREE, UMOUNT } from "./flags.ts";
import {
  awaitOk,
  entryPid,
  explained,
  letGo,
  openCgroups,
  PROC_SCRATCH,
  spawnWaiting,
  type Waiting,
} from "./launch-child.ts";
import { Children, reapWithin, type OnChild } from "./launch-children.ts";
import { giveLogs, openStdio, type Stdio } from "./launch-detach.ts";
import { mountDev, newPts } from "./launch-dev.ts";
import { findHelpers, type Helpers } from "./launch-helpers.ts";
import {
  loopbackUp,
  mountProc,
  mountSys,
  newProc,
  newSys,
  procTakesPidns,
  takenProc,
} from "./launch-system.ts";
import { withTerminal } from "./launch-terminal.ts";
import { filterFor, findInstaller, hasLibrary } from "./seccomp.ts";
import { linuxStage, type MountOptions } from "./mounts.ts";
import { inNamespaces } from "./namespace.ts";
import { copySize, openPty, type Pty } from "./pty.ts";
import type { Outside } from "./relay.ts";
import { close, keepFd, openat, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount, openTree, pivotRoot, umount2 } from "./syscalls-mount.ts";
import { fchdir, sethostname, unshare } from "./syscalls-process.ts";

/**
 * `mounts`: fallbacks of the stage to force; `pidns: false`: the child mounts proc, as on kernels before 6.17; `sh`: a host shell
 * other than the one that is found. `rootless`: as root of a user namespace, which may not return to namespaces that are not its own.
 * `keepsFilter`: the calling thread may have the entry's filter of system calls around itself afterwards, and whatever it starts.
 */
export type LaunchOptions = {
  readonly onChild: OnChild;
  readonly outside: Outside;
  readonly mounts?: MountOptions;
  readonly pidns?: false;
  readonly sh?: string;
  readonly rootless?: boolean;
  readonly keepsFilter?: true;
};

/** The launches of this machine. Everything happens on the calling thread, between two turns of the event loop. */
export function linuxLaunch(options: LaunchOptions): LaunchPort & DetachPort {
  const children = new Children(options.onChild);
  let found: Host | undefined;
  const host = (): Host => (found ??= lookAround(options));
  return {
    launch(spec, build, prepare) {
      children.listen();
      const { child, master } = launchEntry({ spec, build, prepare, host: host() });
      const running = children.running(child);
      return master === undefined ? running : withTerminal(running, master, options.outside);
    },
    detach(spec, build, prepare, detached) {
      launchEntry({ spec, build, prepare, host: host(), detached });
    },
  };
}

function lookAround(options: LaunchOptions): Host {
  const helpers = findHelpers(options.sh);
  const pidns = options.pidns ?? procTakesPidns();
  // A child that mounts proc cannot be born with a filter, which refuses that: it installs its own.
  const inherited = pidns && options.keepsFilter === true;
  const installer = inherited ? undefined : findInstaller(helpers.setpriv);
  return {
    helpers: installer === undefined ? helpers : { ...helpers, installer },
    stage: linuxStage(options.mounts),
    pidns,
    filters: inherited && hasLibrary(),
    rootless: options.rootless === true,
  };
}

/** How long a supervisor may take to see its child end (ms). */
const PATIENCE_MS = 2000;

/** What does not change from one launch to the next. */
type Host = {
  readonly helpers: Helpers;
  readonly stage: Stage;
  readonly pidns: boolean;
  /** The thread puts the filter on itself before it starts the child, and keeps it. */
  readonly filters: boolean;
  readonly rootless: boolean;
};

type Launch = {
  readonly spec: LaunchSpec;
  readonly build: (stage: Stage) => AbsPath;
  readonly prepare: (root: AbsPath) => Prepared;
  readonly host: Host;
  readonly detached?: Detachment;
};

/** Answers the number of our child, and our end of its terminal. */
function launchEntry(launch: Launch): { readonly child: number; readonly master?: number } {
  const { spec, host, detached } = launch;
  if (host.rootless) startThreads();
  const before = whereWeAre(host.rootless);
  const fds: number[] = [];
  let waiting: Waiting | undefined;
  let pty: Pty | undefined;
  const open = (fd: number): number => (fds.push(fd), fd);
  try {
    const cgroups = openCgroups(spec.cgroups, fds);
    const logs = detached && openStdio(detached, fds);
    const filter = host.filters ? filterFor(spec.capabilities.bounding) : undefined;
    const network = spec.network === "none" ? CLONE.NEWNET : 0;
    // A supervisor makes its child's pid namespace itself: it is not in it.
    const pid = detached === undefined ? CLONE.NEWPID : 0;
    const own = CLONE.NEWUTS | CLONE.NEWIPC | pid | network;
    const enter = (): { readonly pid: number; readonly ready: Prepared } => {
      const at = launch.build(host.stage);
      // The first child from here on is PID 1; building may have had some.
      unshare(pid);
      const ready = launch.prepare(at);
      if (logs !== undefined) giveLogs(logs, ready.user);
      return withFd(sealHost(at), (root) => {
        // Mounts are listed in the order they were made in, and the root comes first.
        const pts = open(newPts());
        if (spec.terminal) {
          pty = openPty(pts, ready.user.uid);
          copySize([1, 0], open(pty.slave));
        }
        const stdio: Stdio | undefined = pty === undefined ? logs : [pty.slave, pty.slave, pty.slave];
        const sys = open(newSys());
        filter?.();
        waiting = spawnWaiting(
          host.helpers,
          spec,
          ready,
          host.pidns,
          cgroups,
          fds,
          stdio,
          detached !== undefined,
        );
        const entry = entryPid(waiting, detached !== undefined);
        furnish(launch, root, entry, { pts, sys });
        awaitOk(waiting, spec.cgroups);
        if (!host.pidns) mountProc(root, takenProc(PROC_SCRATCH));
        changeRoot(root);
        return { pid: entry, ready };
      });
    };
    const inside = inNamespaces(own, enter, { later: pid, stay: host.rootless ? own : 0 });
    if (whereWeAre(host.rootless) !== before)
      throw failure(125, "internal", "could not return to the namespaces envctl came from");
    detached?.started(waiting!.child, inside.pid, inside.ready);
    // An entry that unmounts /dev/pts first thing must not find it held by us (EBUSY).
    const { go } = waiting!;
    for (const fd of fds.splice(0, fds.length, go)) if (fd !== go) close(fd);
    letGo(waiting!);
    return { child: waiting!.child, ...(pty === undefined ? {} : { master: pty.master }) };
  } catch (error) {
    if (pty !== undefined) fds.push(pty.master);
    const ending = waiting && dropped(waiting, fds, detached === undefined ? 0 : PATIENCE_MS);
    for (const fd of fds.splice(0)) close(fd);
    throw explained(error, ending);
  } finally {
    for (const fd of fds) close(fd);
  }
}

/**
 * Without `go` an entry ends by itself, and after it its supervisor; what does not within `ms` is killed. Their other descriptors stay
 * open meanwhile: a helper would complain on our standard error of those that are gone.
 */
function dropped({ child, go }: Waiting, fds: number[], ms: number): Ending {
  for (const fd of fds.splice(fds.indexOf(go), 1)) close(fd);
  return reapWithin(child, ms);
}

/** In a pid namespace that is not its children's a process starts no thread (pid_namespaces(7)); Node's pool comes with the first call. */
function startThreads(): void {
  stat("/", () => undefined);
}

/** Namespaces of this thread and of its next child that it has to be back in, to be compared. */
function whereWeAre(rootless: boolean): string {
  return ["mnt", ...(rootless ? [] : ["uts", "ipc", "net", "pid_for_children"])]
    .map((name) => readlinkSync(`/proc/thread-self/ns/${name}`))
    .join();
}

/**
 * Makes the old root read-only with all that is mounted in it, and the new one a mount of its own that stays writable: what runs
 * inside finds host programs through /proc/PID/exe of its helpers, and must not be able to write to them (CVE-2019-5736). On the new
 * root itself no device node opens: neither the rootfs's own nor one made inside is a way to the host's disk.
 */
function sealHost(at: AbsPath): number {
  const root = openTree(AT_FDCWD, at, OPEN_TREE.CLONE | AT.RECURSIVE | AT.SYMLINK_NOFOLLOW);
  return keepFd(root, (tree) => {
    mountSetattr(tree, "", AT.EMPTY_PATH, { set: MOUNT_ATTR.NODEV });
    mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { set: MOUNT_ATTR.RDONLY });
    withFd(openat(AT_FDCWD, at, O.PATH | O.DIRECTORY | O.NOFOLLOW), (place) => moveMount(tree, place));
  });
}

/** All that can be done while the child starts. */
function furnish(
  { spec, host, detached }: Launch,
  root: number,
  entry: number,
  { pts, sys }: { readonly pts: number; readonly sys: number },
): void {
  // The one our children are born in can be named even where the child has ended already.
  const pidns = detached === undefined ? "/proc/thread-self/ns/pid_for_children" : `/proc/${entry}/ns/pid`;
  if (host.pidns) mountProc(root, newProc(pidns));
  mountDev(root, pts);
  mountSys(root, sys);
  sethostname(spec.hostname);
  if (spec.network === "none") loopbackUp();
}

/** pivot_root(2) takes every process of this namespace along whose root is the old one: the waiting child too. */
function changeRoot(root: number): void {
  fchdir(root);
  pivotRoot(".", ".");
  umount2(".", UMOUNT.DETACH);
}
