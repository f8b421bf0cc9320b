import type { AbsPath } from "#model/brand";
import { join, parentOf } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import { formatBytes } from "#model/size";
import type { OwnedCgroup } from "#model/record";
import type { LimitWrite, Step } from "#model/step";
import { handDown } from "#guard/aside";
import { inheritCpuset } from "#guard/cpuset";
import { removeGroups as guardedRemove } from "#guard/groups";
import type { Context, Undo } from "./context.ts";

type Create = Extract<Step, { do: "create_cgroup" }>;
type Write = Extract<Step, { do: "limit" }>;

/**
 * Makes a group below the state directory's own parent group. On v2 the controllers are handed down level by level (cgroup-v2.rst,
 * "Top-down Constraint"); a v1 cpuset group must be given CPUs and nodes before it can hold a process (cpuset(7)).
 */
export function createGroup(step: Create, x: Context, undo: Undo): undefined {
  const { dir, version, controllers } = step.cgroup;
  const parent = parentOf(dir);
  // A parent that an older environment shares is not empty, and stays.
  undo(() => takeAway(x, step.cgroup));
  x.cgroups.create(parent);
  if (version === 2) handDownTo(x, dir, controllers);
  if (version === 1) inheritCpuset(x, parent);
  x.cgroups.create(dir);
  if (version === 1) inheritCpuset(x, dir);
}

/** From the group that holds the state directory's own to that one, and on to its groups. */
function handDownTo(x: Context, dir: AbsPath, controllers: readonly string[]): void {
  const parent = parentOf(dir);
  for (const each of [parentOf(parent), parent]) handDown(x, each, controllers);
}

/** Writes the files of one limit and tells what the kernel made of it. */
export function writeLimit(step: Write, x: Context, undo: Undo): string {
  for (const write of step.writes) {
    const { dir, file, value } = write;
    handDownLate(x, write);
    const before = held(x, write);
    makeRoom(x, write);
    x.cgroups.write(dir, file, value === "" ? inherited(x, dir, file) : value);
    undo(() => x.cgroups.write(dir, file, before === "" ? "\n" : before));
  }
  return `read back ${readBack(step, x)}`;
}

/** A group that was made for other limits lacks the controller of a new one. */
function handDownLate(x: Context, { dir, file }: LimitWrite): void {
  const [controller = ""] = file.split(".");
  const has = x.reader.textAny(join(dir, "cgroup.controllers"));
  if (has !== undefined && !has.trim().split(" ").includes(controller)) handDownTo(x, dir, [controller]);
}

const held = (x: Context, { dir, file }: LimitWrite): string => x.reader.text(join(dir, file)).trim();

/** v1's memsw holds memory and swap together, and its quota is for a period. */
function readBack({ writes, name }: Write, x: Context): string {
  const of = (part: string): string | undefined => {
    const write = writes.find(({ file }) => file.includes(part));
    return write === undefined ? undefined : held(x, write);
  };
  const [memory, both] = [of("memory.limit_in_bytes"), of("memsw")];
  const [period, quota] = [of("period"), of("quota")];
  if (name === "swap" && memory !== undefined && both !== undefined)
    return `${BigInt(both) - BigInt(memory)}`;
  if (quota !== undefined) return `${quota} of ${period}`;
  return memory ?? held(x, writes[0]!);
}

/**
 * v2 takes a memory.max below what is in use and kills until it fits, where v1 frees what it can and then says EBUSY (cgroup-v2.rst): the
 * same is done for v2. memory.reclaim came with Linux 5.19; it says EAGAIN where it could free less than was asked. @throws Failure busy
 */
function makeRoom(x: Context, { dir, file, value }: LimitWrite): void {
  if (file !== "memory.max" || value === "max") return;
  const excess = (): bigint => BigInt(x.reader.text(join(dir, "memory.current")).trim()) - BigInt(value);
  if (excess() > 0n && x.reader.stat(join(dir, "memory.reclaim")) !== undefined) {
    try {
      x.cgroups.write(dir, "memory.reclaim", `${excess()}`);
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === "EAGAIN")) throw error;
    }
  }
  if (excess() <= 0n) return;
  throw failure(5, "busy", `${x.plan.name}: cannot set limit memory`, {
    detail: `${formatBytes(BigInt(value) + excess())} are in use, and the kernel would kill for the difference`,
    hint: "end what runs, or choose a higher limit",
  });
}

/** An empty cpuset means "as the parent" on v2; v1 wants the list itself. */
function inherited(x: Context, dir: AbsPath, file: string): string {
  const v2 = x.reader.stat(join(dir, "cgroup.controllers")) !== undefined;
  return v2 ? "\n" : x.reader.text(join(parentOf(dir), file)).trim();
}

/** Takes a group away, and the state directory's parent group with the last one. */
export function removeGroup(step: Extract<Step, { do: "remove_cgroup" }>, x: Context): undefined {
  takeAway(x, step.cgroup);
}

function takeAway(x: Context, cgroup: OwnedCgroup): void {
  guardedRemove(x, { lineage: x.plan.observed.lineage, id: x.plan.id }, [cgroup]);
}
