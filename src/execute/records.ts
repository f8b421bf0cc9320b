import { KernelError } from "#model/diagnostic";
import type { EnvRecord, Phase } from "#model/record";
import type { Resource } from "#model/resource";
import type { Step } from "#model/step";
import { settled, type Context, type Undo, type Waiting } from "./context.ts";

/** The record as it is to be written now. */
function recordNow(x: Context, phase: Phase): EnvRecord {
  const { observed, id, name, intent } = x.plan;
  if (x.base === undefined) throw new Error(`nothing to record of ${id}`);
  const destroying = intent === "destroy";
  const kept = phase === "kept";
  return {
    format: "envctl.record/1",
    serial: ++x.serial,
    ...x.base,
    lineage: observed.lineage,
    id,
    name,
    phase,
    boot: observed.boot,
    mountNamespace: observed.mountNamespace,
    ...(observed.pidNamespace === undefined ? {} : { pidNamespace: observed.pidNamespace }),
    resources: destroying ? standing(x) : phase === "applied" ? x.after.map((r) => asCreated(r, x)) : x.after,
    ...(phase === "applying" && x.before.length > 0 ? { previous: x.before } : {}),
    mounts: kept ? leftBehind(x) : Object.fromEntries(x.mounted),
    ...(kept || x.former.length === 0 ? {} : { former: x.former }),
    cgroups: kept ? [] : destroying ? (observed.record?.cgroups ?? []) : allGroups(x, phase),
    ...(phase === "applied" ? { appliedAt: Math.floor(x.clock.now()) } : pick(observed.record)),
  };
}

/** What is taken down; what a kept upper was written over is known as long as it is kept. */
function standing({ before, plan: { observed } }: Context): readonly Resource[] {
  return observed.record?.phase === "kept" ? observed.record.resources : before;
}

/** An overlay that was detached while somebody was inside still uses the kept upper: the next apply has to look for it. */
function leftBehind({ lazy, plan: { observed, name }, reader }: Context): EnvRecord["mounts"] {
  const address = `${name}.overlay`;
  const mount = lazy ? observed.record?.mounts[address] : undefined;
  return mount === undefined || reader.hasFileSystem(mount.dev) === false ? {} : { [address]: mount };
}

/** While applying, groups that are still to go are ours as well. */
function allGroups(x: Context, phase: Phase): EnvRecord["cgroups"] {
  const old = phase === "applied" ? [] : (x.plan.observed.record?.cgroups ?? []);
  return [...x.groups, ...old.filter((g) => !x.groups.some((n) => n.dir === g.dir))];
}

function pick(record: EnvRecord | undefined): { appliedAt?: number } {
  return record?.appliedAt === undefined ? {} : { appliedAt: record.appliedAt };
}

/** Undone by writing the record from before, or by taking away one that had none. */
export function* writeRecord(
  step: Extract<Step, { do: "write_record" }>,
  x: Context,
  undo: Undo,
): Generator<Waiting, undefined> {
  const before = x.plan.observed.record;
  if (step.phase === "destroying") return yield* noteDestroying(x);
  yield* settled(x.save(recordNow(x, step.phase)));
  if (step.phase === "applied") return;
  undo(() =>
    before === undefined
      ? x.forget()
      : x.save({ ...before, serial: ++x.serial, mounts: Object.fromEntries(x.mounted) }),
  );
}

/**
 * A full disk does not stop a destroy, which is what frees it: mounts, groups and the init layer go without a word in the record, since
 * an apply makes them again. The second time the plan asks for it, it must succeed.
 */
function* noteDestroying(x: Context): Generator<Waiting, undefined> {
  if (x.noted === true) return;
  try {
    yield* settled(x.save(recordNow(x, "destroying")));
    x.noted = true;
  } catch (error) {
    const full = error instanceof KernelError && ["ENOSPC", "EDQUOT"].includes(error.errno);
    if (!full || x.noted === false) throw error;
    x.noted = false;
  }
}

/** The last step of a destroy: record and directory go. @throws KernelError where something else lies in it */
export function forget(_step: Extract<Step, { do: "forget" }>, x: Context): undefined {
  x.forget();
}

/** A volume source that was made meanwhile is an object like any other from now on. */
function asCreated(resource: Resource, x: Context): Resource {
  if (resource.kind !== "volume" || resource.create === undefined) return resource;
  const { create: _made, ...volume } = resource;
  const stat = x.reader.stat(volume.path);
  return stat === undefined ? volume : { ...volume, inode: { dev: stat.dev, ino: stat.ino } };
}
