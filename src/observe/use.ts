import type { AbsPath } from "#model/brand";
import type { ObservedCgroup } from "#model/observed";
import type { MemoryTrouble, Pressure, Waiting } from "#model/outcome";
import type { LimitName } from "#model/resource";
import type { Reader } from "#ports/reader";
import { controlPath } from "./limits.ts";
import { quietly } from "./proc.ts";

type Groups = readonly ObservedCgroup[];

/** A control file of the first group that has it. */
function control(reader: Reader, groups: Groups, name: string): string | undefined {
  for (const { dir, exists } of groups) {
    const text = exists ? quietly(() => reader.textAny(controlPath(dir, name))) : undefined;
    if (text !== undefined) return text;
  }
  return undefined;
}

/** How much of a limit is in use now: bytes, or processes and threads; undefined for what the kernel does not count. */
export function useOf(reader: Reader, groups: Groups, limit: LimitName): string | undefined {
  if (limit === "memory") return groups.find((g) => g.memoryUse !== undefined)?.memoryUse;
  return limit === "pids" ? control(reader, groups, "pids.current")?.trim() : undefined;
}

/** How often use came up to the memory limit, and how many processes were killed for it (cgroup-v2.rst, memory.events; cgroup-v1/memory.rst). */
export function memoryTrouble(reader: Reader, groups: Groups): MemoryTrouble | undefined {
  const number = (text: string | undefined, before: string): number =>
    Number(new RegExp(`^${before}(\\d+)$`, "m").exec(text ?? "")?.[1] ?? 0);
  const events = control(reader, groups, "memory.events");
  if (events !== undefined) return { reached: number(events, "max "), kills: number(events, "oom_kill ") };
  const failed = control(reader, groups, "memory.failcnt");
  if (failed === undefined) return undefined;
  return {
    reached: number(failed, ""),
    kills: number(control(reader, groups, "memory.oom_control"), "oom_kill "),
  };
}

const RESOURCES = ["cpu", "memory", "io"] as const;

/**
 * The share of time in which processes of the group waited for a resource (Documentation/accounting/psi.rst). v2 alone counts by group;
 * with psi=0 the files are missing or refuse to be read.
 */
export function pressureOf(reader: Reader, groups: Groups): readonly Pressure[] {
  const dir = groups.find((g) => g.version === 2 && g.exists)?.dir;
  return dir === undefined ? [] : RESOURCES.flatMap((resource) => pressure(reader, dir, resource));
}

function pressure(reader: Reader, dir: AbsPath, resource: Pressure["resource"]): readonly Pressure[] {
  const text = quietly(() => reader.textAny(controlPath(dir, `${resource}.pressure`)));
  const [some, full] = [waiting(text, "some"), waiting(text, "full")];
  return some === undefined ? [] : [{ resource, some, ...(full === undefined ? {} : { full }) }];
}

/** `some avg10=1.50 avg60=0.00 avg300=0.00 total=123` */
function waiting(text: string | undefined, who: string): Waiting | undefined {
  const match = new RegExp(`^${who} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) `, "m").exec(text ?? "");
  return match === null
    ? undefined
    : { avg10: Number(match[1]), avg60: Number(match[2]), avg300: Number(match[3]) };
}
