import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Cgroups } from "#ports/cgroups";
import type { Clock } from "#ports/clock";
import type { Files } from "#ports/files";
import type { Layers } from "#ports/layers";
import type { Mounts } from "#ports/mounts";
import type { Reader } from "#ports/reader";
import { fakeCgroups, mountHierarchy } from "./fake-cgroups.ts";
import { FakeDisk } from "./fake-disk.ts";
import { fakeFiles, type FakeHandles } from "./fake-files.ts";
import { fakeLayers } from "./fake-layers.ts";
import { fakeMounts } from "./fake-mounts.ts";
import { type FakeProcess, fakeReader, type FakeWorld } from "./fake-reader.ts";

/** Thrown in place of a call: the process was killed there. Every later call throws it too, until `revive`. */
export class Crash extends Error {}

type Planned = { readonly match: (line: string, n: number) => boolean; readonly error: string | Crash };

/**
 * Mounts, Files and Cgroups in memory, beside a Reader that shows what they did. Every call that would change the host is written down in
 * `calls`, one line each, before it is carried out, and can be made to fail: the n-th of all, or the next whose line contains a text.
 */
export class FakeKernel {
  readonly calls: string[] = [];
  readonly world: FakeWorld = {
    disk: new FakeDisk(),
    processes: new Map(),
    boot: "boot-1",
    namespace: "4026531841",
    xattrs: new Map(),
    group: "/",
  };
  readonly handles: FakeHandles = { locks: new Map(), fds: new Map() };
  readonly reader: Reader = fakeReader(this.world);
  readonly mounts: Mounts;
  readonly files: Files;
  readonly layers: Layers;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  #planned: Planned[] = [];
  #crashed: Crash | undefined;
  #ms = 0;

  constructor() {
    const note = (line: string): void => this.#note(line);
    this.mounts = fakeMounts(this.world, note);
    this.files = fakeFiles(this.world, this.handles, this.reader.pid, note);
    this.layers = fakeLayers(this.world, note);
    this.cgroups = fakeCgroups(this.world, note);
    this.clock = {
      now: () => 1_700_000_000,
      monotonic: () => this.#ms++,
      pause: (ms) => void (this.#ms += ms),
    };
  }

  get disk(): FakeDisk {
    return this.world.disk;
  }

  /** The n-th call from now, counted from 1, is refused. */
  failAt(n: number, errno: string): void {
    const at = this.calls.length + n;
    this.#planned.push({ match: (_, count) => count === at, error: errno });
  }

  /** The next call whose line contains the text is refused, once. */
  failOn(text: string, errno: string): void {
    this.#planned.push({ match: (line) => line.includes(text), error: errno });
  }

  /** The process is killed instead of its n-th call from now: it is not carried out, and nothing after it. */
  crashAt(n: number): void {
    const at = this.calls.length + n;
    this.#planned.push({ match: (_, count) => count === at, error: new Crash(`killed at call ${n}`) });
  }

  /** A new process begins: the kernel answers again, and has released the locks and descriptors of the old one. */
  revive(): void {
    this.#crashed = undefined;
    this.#planned = [];
    this.handles.locks.clear();
    this.handles.fds.clear();
  }

  /** A cgroup hierarchy, mounted. */
  hierarchy(point: string, controllers: readonly string[], version: 1 | 2 = 1): void {
    mountHierarchy(this.world, point, controllers, version);
  }

  process(pid: number, more: Partial<FakeProcess> = {}): void {
    const { namespace } = this.world;
    this.world.processes.set(pid, {
      command: "sleep 60",
      cwd: "/" as AbsPath,
      groups: [],
      namespace,
      uid: 0,
      ...more,
    });
  }

  #note(line: string): void {
    if (this.#crashed !== undefined) throw this.#crashed;
    this.calls.push(line);
    const at = this.#planned.findIndex((p) => p.match(line, this.calls.length));
    const [planned] = at < 0 ? [] : this.#planned.splice(at, 1);
    if (planned === undefined) return;
    if (typeof planned.error === "string") throw new KernelError(line, planned.error);
    this.#crashed = planned.error;
    throw planned.error;
  }
}
