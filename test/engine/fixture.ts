import type { AbsPath } from "#model/brand";
import { changes } from "#model/plan";
import { openApply } from "#engine/apply";
import { openDestroy } from "#engine/destroy";
import type { WriteHost } from "#engine/host";
import { planTargets } from "#engine/plan";
import { filesOf, select } from "#engine/select";
import { Crash, FakeKernel } from "#test/fake-kernel";

export const FILE = "/repo/envs/web.yaml" as AbsPath;

/** A repository, two v1 hierarchies, and the engine on top of a kernel that can fail at any call. */
export class FakeHost {
  readonly kernel: FakeKernel = new FakeKernel();

  constructor() {
    const { disk } = this.kernel;
    const dirs =
      "/repo /repo/envs /repo/rootfs /repo/rootfs/etc /repo/rootfs/work /repo/rootfs/data /repo/tools /repo/src /repo/cache /sys /sys/fs /sys/fs/cgroup /sys/fs/cgroup/memory /sys/fs/cgroup/pids /var /var/lib";
    for (const dir of dirs.split(" ")) disk.dir(dir as AbsPath);
    disk.file("/repo/cache/precious" as AbsPath, "keep me");
    this.kernel.hierarchy("/sys/fs/cgroup/memory", ["memory"]);
    this.kernel.hierarchy("/sys/fs/cgroup/pids", ["pids"]);
  }

  write(body: string): void {
    this.kernel.disk.file(FILE, `version: 1\nname: web\nrootfs: { dir: ../rootfs }\n${body}\n`);
  }

  get host(): WriteHost {
    const { reader, mounts, files, layers, cgroups, clock } = this.kernel;
    return {
      reader,
      mounts,
      files,
      layers,
      cgroups,
      clock,
      lap: () => undefined,
      variable: () => undefined,
      version: "1.0.0",
      cwd: "/repo" as AbsPath,
      state: "/var/lib/envctl" as AbsPath,
      launch: { launch: unexpected, detach: unexpected },
      awaitReady: unexpected,
      lockTimeoutMs: 0,
      command: "test",
      terminal: false,
      interrupted: () => false,
      onSignal: () => () => undefined,
      breathe: () => Promise.resolve(),
    };
  }

  async apply(onError: "rollback" | "keep" = "rollback"): Promise<string> {
    const session = await openApply(this.host, filesOf(select(this.host, [])));
    try {
      const ended = [];
      for (const { plan } of session.planned) {
        if (plan.kind === "blocked") return "blocked";
        ended.push(await session.carryOut(plan, () => undefined, onError));
      }
      const failed = ended.find((e) => e.kind === "failed");
      if (failed?.kind === "failed" && failed.error instanceof Crash) throw failed.error;
      return ended.map((e) => (e.kind === "done" ? "done" : `${e.kind} ${e.undone}`)).join();
    } finally {
      session.close();
    }
  }

  async destroy(): Promise<string> {
    const session = await openDestroy(this.host, select(this.host, ["web"]), {
      keepUpper: false,
      lazy: false,
    });
    try {
      for (const plan of session.plans) {
        const ended = await session.carryOut(plan, () => undefined);
        if (ended.kind === "failed") throw ended.error;
      }
      return session.plans.length === 0 ? "nothing" : "done";
    } finally {
      session.close();
    }
  }

  /** How many changes a plan made now would show, and how many findings of drift. */
  async pending(): Promise<readonly [changes: number, drift: number]> {
    const [plan] = await planTargets(this.host, select(this.host, []), []);
    return [changes(plan!.plan.summary), plan!.plan.drift.length];
  }

  /** The mount table and every directory envctl may make, without ids: what must be as before. */
  shape(): readonly string[] {
    const { disk } = this.kernel;
    const mounts = disk.table.map(
      (m) =>
        `${m.point} ${m.type} ${m.root} ${m.options.join()} ${m.superOptions.filter((o) => o.startsWith("lowerdir")).join()}`,
    );
    const devices = new Set(disk.table.map((m) => m.dev));
    const dirs = [...disk.nodes.entries()]
      .filter(
        ([key, node]) => node.type === "dir" && devices.has(key.split(" ")[0]!) && !/ \/(proc|sys)/.test(key),
      )
      .map(([key]) => key);
    return [...mounts, ...dirs.filter((key) => !key.includes("/var/lib/envctl"))].sort();
  }

  /** Runs until it is done or killed. */
  async killedAt(call: number, work: () => Promise<unknown>): Promise<"killed" | "finished"> {
    this.kernel.crashAt(call);
    try {
      await work();
      return "finished";
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      return "killed";
    } finally {
      this.kernel.revive();
    }
  }
}

function unexpected(): never {
  throw new Error("nothing is launched here");
}
