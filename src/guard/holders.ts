import type { AbsPath } from "#model/brand";
import { isWithin, parentOf } from "#model/brand";
import { parseMountinfo } from "#model/mountinfo";
import type { Holder } from "#model/observed";
import { allPids, mountNamespaceOf, proc, quietly } from "#observe/proc";
import type { Clock } from "#ports/clock";
import type { Reader } from "#ports/reader";
import { describe } from "./person.ts";

/** What is to be taken away. */
export type Held = {
  /** Where the overlay is seen on the host: cut off the paths that are shown. */
  readonly merged: AbsPath;
  /** Ids of the mounts, and of their copies in other namespaces; mount ids are the host's, not a namespace's. */
  readonly ids: ReadonlySet<string>;
  /** The overlay's device: finds those who sit in a copy that no mount table shows any more. */
  readonly dev?: string;
  /** The overlay's tag: a device number that was freed goes to the next file system, which its users' mount tables show under another name. */
  readonly tag?: string;
  /** Processes of the environment's own groups: stopped with it, and said to be so. */
  readonly own: ReadonlySet<number>;
};

/**
 * Who has something of ours open, by /proc/PID/{cwd,root,exe,fd}: in our namespace and all others (row F24). One line a process, with the
 * first thing it holds. `thorough` also reads what processes have mapped (a library whose file was closed): for when
 * unmounting said EBUSY and nobody else was found. Ours is left out where others are found: envctl shares its shell's
 * working directory. Takes about 10 µs a descriptor.
 */
export function holders(reader: Reader, held: Held, thorough = false): readonly Holder[] {
  const here = mountNamespaceOf(reader, "self");
  if (held.ids.size === 0 && held.dev === undefined) return [];
  const found = allPids(reader).flatMap((pid): Holder[] => {
    const namespace = mountNamespaceOf(reader, pid);
    const elsewhere = namespace !== here;
    const links = openLinks(reader, pid);
    const link = links.find((l) => isHeld(reader, held, pid, elsewhere, l.path));
    const what =
      link !== undefined ? shown(reader, held, link) : thorough ? mapped(reader, held, pid) : undefined;
    const person = what === undefined ? undefined : describe(reader, pid);
    if (what === undefined || person === undefined) return []; // nothing, or it ended
    const where = namespace === undefined || !elsewhere ? {} : { namespace };
    return [{ pid, ...person, holds: what, own: held.own.has(pid), ...where }];
  });
  const others = found.filter((h) => h.pid !== reader.pid);
  return others.length > 0 ? others : found;
}

/** Pauses between looks (ms), of which the first mostly settles it. */
const PASSING_MS = [5, 20, 75, 200, 500];

/**
 * Who holds an overlay that is mounted no longer, by its device number alone. A freed number goes to the next file system that is made, and
 * an envctl that is about to mount that one holds it where no table shows it, for milliseconds: only who stays counts.
 */
export function lastingHolders(
  { reader, clock }: { readonly reader: Reader; readonly clock: Clock },
  held: Held,
): readonly Holder[] {
  let found = holders(reader, held);
  for (const pause of PASSING_MS) {
    if (found.length === 0) break;
    clock.pause(pause);
    const still = new Set(holders(reader, held).map(({ pid }) => pid));
    found = found.filter(({ pid }) => still.has(pid));
  }
  return found;
}

type Link = { readonly word: "cwd" | "root" | "program" | "file"; readonly path: AbsPath };

/** The magic links of a process to what it has open; none where they may not be read. Kernel threads have no program and no descriptors. */
function openLinks(reader: Reader, pid: number): readonly Link[] {
  if (quietly(() => reader.readlink(proc(pid, "cwd"))) === undefined) return [];
  const fds = quietly(() => reader.listAny(proc(pid, "fd"))) ?? [];
  const runs = fds.length > 0 || (quietly(() => reader.textAny(proc(pid, "cmdline"))) ?? "") !== "";
  return [
    { word: "cwd", path: proc(pid, "cwd") },
    { word: "root", path: proc(pid, "root") },
    ...(runs ? [{ word: "program" as const, path: proc(pid, "exe") }] : []),
    ...fds.map((fd) => ({ word: "file" as const, path: proc(pid, `fd/${fd}`) })),
  ];
}

/**
 * Asks the open object, not a path: by the mount it lies on, or by the overlay's device where its mount is in no table any more. In our own
 * namespace the path says which objects are worth asking; in others ours may be mounted anywhere. Sockets and pipes have no path.
 */
function isHeld(reader: Reader, held: Held, pid: number, elsewhere: boolean, link: AbsPath): boolean {
  const path = quietly(() => reader.readlink(link));
  if (path === undefined || !path.startsWith("/")) return false;
  if (held.ids.size > 0 && (elsewhere || isWithin(parentOf(held.merged), path))) {
    const id = quietly(() => reader.mountId(link));
    if (id !== undefined && held.ids.has(id)) return true;
  }
  return (
    held.dev !== undefined &&
    quietly(() => reader.stat(link))?.dev === held.dev &&
    !isAnothers(reader, held, pid)
  );
}

/** Whether a process sees the overlay's device number as that of another file system. */
function isAnothers(reader: Reader, { dev, tag }: Held, pid: number): boolean {
  if (tag === undefined) return false;
  const table = quietly(() => reader.textAny(proc(pid, "mountinfo"))) ?? "";
  return parseMountinfo(table, [` ${dev} `]).some((m) => m.dev === dev && m.source !== tag);
}

/** `cwd /work`; a process that has the overlay as its root just `root`. */
function shown(reader: Reader, held: Held, { word, path }: Link): string {
  const inside = cut(held, quietly(() => reader.readlink(path)) ?? "");
  return word === "root" && inside === "/" ? word : `${word} ${inside}`;
}

/** A path as it is inside. */
function cut({ merged }: Held, path: string): string {
  return isWithin(merged, path) ? path.slice(merged.length) || "/" : path;
}

/** A line of maps names device (hexadecimal) and path: `… 00:27 2155632   /tmp/m/lib.so` (proc_pid_maps(5)). */
function mapped(reader: Reader, held: Held, pid: number): string | undefined {
  if (held.dev === undefined) return undefined;
  const hex = held.dev.split(":").map((n) => Number(n).toString(16).padStart(2, "0"));
  const maps = quietly(() => reader.textAny(proc(pid, "maps"))) ?? "";
  const at = maps.indexOf(` ${hex.join(":")} `);
  if (at < 0) return undefined;
  const line = maps.slice(at, maps.indexOf("\n", at));
  return `mapped ${cut(held, line.slice(line.indexOf("/")))}`;
}
