// Steps and events to draw.
import { KernelError } from "#model/diagnostic";
import type { Step, StepEvent } from "#model/step";
import * as f from "./fixtures.ts";

const place = f.observed().place;

type Bare<S> = S extends unknown ? Omit<S, "address"> : never;
const step = (bare: Bare<Step>, address = "web-tests.overlay"): Step => ({ address, ...bare }) as Step;
const owner = { mode: 0o755, uid: 1000, gid: 1000 };
export const stack: Step = step({
  do: "stack",
  overlay: f.overlay(["../layers/tools", "../layers/node"]),
  inner: [f.work, f.cache],
});
const cgroup = { dir: f.path("/sys/fs/cgroup/x"), version: 2, controllers: ["memory", "cpuset"] } as const;
export const memory: Step = step(
  { do: "limit", name: "memory", value: "536870912", writes: [] },
  "web-tests.limit.memory",
);
export const down: readonly Step[] = [
  step({ do: "unmount", point: f.path(`${place.merged}/work`), mount: "901" }, f.work.address),
  step({ do: "unmount", point: place.merged, mount: "900" }),
];
/** One of every kind. */
export const steps: readonly Step[] = [
  step({ do: "create_dir", path: place.upper, owner }),
  step({ do: "write_record", phase: "applying" }),
  step({ do: "create_source", dirs: [f.path(`${f.HOME}/cache`)], owner }, f.cache.address),
  step({ do: "anchor", path: place.dir }),
  step({ do: "mount_rw", path: place.rw, bytes: "536870912" }),
  stack,
  step({ do: "bind", mount: f.tmpfs("/tmp", "67108864") }),
  ...down,
  step({ do: "release", path: place.merged, dev: "0:77" }),
  step({ do: "create_cgroup", cgroup }),
  memory,
  step({ do: "limit", name: "swap", value: "none", writes: [] }),
  step({ do: "stop_processes" }),
  step({ do: "remove_cgroup", cgroup }),
  step({ do: "delete_tree", path: place.rw }),
  step({ do: "forget" }),
];

export const done = (s: Step, detail?: string): StepEvent => ({
  event: "step_done",
  step: s,
  ...(detail === undefined ? {} : { detail }),
});
export const refused: KernelError = new KernelError(
  "fsconfig(5, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
  "EINVAL",
  "overlayfs: workdir and upperdir must reside under the same mount",
  new KernelError("fsconfig(5, …)", "EINVAL", "keep upper and work on one file system"),
);

export const failing: readonly StepEvent[] = [
  ...down.flatMap((s): StepEvent[] => [{ event: "step_start", step: s }, done(s)]),
  { event: "step_failed", step: stack, error: refused },
  { event: "step_skipped", step: memory, why: "web-tests.overlay failed" },
  ...down.toReversed().flatMap((s): StepEvent[] => [
    { event: "undo_start", step: s },
    { event: "undo_done", step: s },
  ]),
];
