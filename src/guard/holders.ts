import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import { parseMountinfo } from "#model/mountinfo";
import type { Holder } from "#model/observed";
import { allPids, mountNamespaceOf, proc, quietly } from "#observe/proc";
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
 * first thing it holds. `thorough` also reads what processes have mapped (a library whose file was closed), at ten times the
 * cost: for when unmounting said EBUSY and nobody else was found. Ours is left out where others are found: envctl shares its
 * shell's working directory.
 */
export function holders(reader: Reader, held: Held, thorough = false): readonly Holder[] {
  const here = mountNamespaceOf(reader, "self");
  if (held.ids.size === 0 && held.dev === undefined) return [];
  const found = allPids(reader).flatMap((pid): Holder[] => {
    const what = whatHolds(reader, held, pid) ?? (thorough ? mapped(reader, held, pid) : undefined);
    if (what === undefined) return [];
    const person = describe(reader, pid);
    if (person === undefined) return []; // it ended
    const namespace = mountNamespaceOf(reader, pid);
    return [
      {
        pid,
        ...person,
        holds: what,
        own: held.own.has(pid),
        ...(namespace === undefined || namespace === here ? {} : { namespace }),
      },
    ];
  });
  const others = found.filter((h) => h.pid !== reader.pid);
  return others.length > 0 ? others : found;
}

function whatHolds(reader: Reader, held: Held, pid: number): string | undefined {
  for (const [link, word] of [
    ["cwd", "cwd"],
    ["root", "root"],
    ["exe", "program"],
  ] as const) {
    const path = proc(pid, link);
    if (isHeld(reader, held, pid, path)) return shown(reader, held, word, path);
  }
  for (const fd of quietly(() => reader.listAny(proc(pid, "fd"))) ?? []) {
    const path = proc(pid, `fd/${fd}`);
    if (isHeld(reader, held, pid, path)) return shown(reader, held, "file", path);
  }
  return undefined;
}

/** Follows the magic link: what is asked is the open object, not a path. Sockets lie on no mount of ours. */
function isHeld(reader: Reader, held: Held, pid: number, link: AbsPath): boolean {
  const stat = quietly(() => reader.stat(link));
  if (stat === undefined || stat.type === "socket") return false;
  if (held.ids.size > 0) {
    const id = quietly(() => reader.mountId(link));
    if (id !== undefined && held.ids.has(id)) return true;
  }
  return stat.dev === held.dev && !isAnothers(reader, held, pid);
}

/** Whether a process sees the overlay's device number as that of another file system. */
function isAnothers(reader: Reader, { dev, tag }: Held, pid: number): boolean {
  if (tag === undefined) return false;
  const table = quietly(() => reader.textAny(proc(pid, "mountinfo"))) ?? "";
  return parseMountinfo(table, [` ${dev} `]).some((m) => m.dev === dev && m.source !== tag);
}

/** `cwd /work`; a process that has the overlay as its root just `root`. */
function shown(reader: Reader, held: Held, word: string, link: AbsPath): string {
  const path = quietly(() => reader.readlink(link)) ?? "";
  const inside = isWithin(held.merged, path) ? path.slice(held.merged.length) || "/" : path;
  return word === "root" && inside === "/" ? word : `${word} ${inside}`;
}

/** A line of maps names device (hexadecimal) and path: `… 00:27 2155632   /tmp/m/lib.so` (proc_pid_maps(5)). */
function mapped(reader: Reader, held: Held, pid: number): string | undefined {
  if (held.dev === undefined) return undefined;
  const dev = held.dev
    .split(":")
    .map((n) => Number(n).toString(16).padStart(2, "0"))
    .join(":");
  const maps = quietly(() => reader.textAny(proc(pid, "maps"))) ?? "";
  const at = maps.indexOf(` ${dev} `);
  if (at < 0) return undefined;
  const line = maps.slice(at, maps.indexOf("\n", at));
  const path = line.slice(line.indexOf("/"));
  return `mapped ${isWithin(held.merged, path) ? path.slice(held.merged.length) : path}`;
}
