// What an environment looks like from outside, without the numbers that differ between two that are equal.
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { groupsOf } from "./cgroup.ts";
import type { Project } from "./project.ts";

const LIMITS = [
  "memory.limit_in_bytes",
  "memory.memsw.limit_in_bytes",
  "memory.max",
  "memory.swap.max",
  "pids.max",
];

/**
 * Paths of STATE with type and mode; not what is mounted or written in an environment, no lock files, and not what a killed writer left
 * beside a record: the next one takes it away.
 */
function places(p: Project, at: string = p.state): readonly string[] {
  return readdirSync(at)
    .sort()
    .flatMap((name) => {
      const path = join(at, name);
      const place = relative(p.state, path);
      const stat = lstatSync(path);
      if (place.startsWith("locks/") || name === ".env.json.new") return [];
      const closed = /^envs\/[^/]+\/(merged|rw\/upper|rw\/work)$/.test(place);
      return [
        `${place} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid}`,
        ...(stat.isDirectory() && !closed ? places(p, path) : []),
      ];
    });
}

/** What is mounted in STATE, a line each. */
export function mountLines(p: Project): readonly string[] {
  return p.mounts().map(({ line, options }) => {
    // uuid is the kernel's own choice by the age of upper; before Linux 6.13 directories are shown as descriptors' numbers.
    const own = options.filter((option) => !option.startsWith("uuid="));
    const dirs = own.map((option) => (/dir=[\d:]+$/.test(option) ? option.replace(/\d+/g, "N") : option));
    return `${line.replace(/ \d+:\d+$/, "")} ${dirs.join(",")}`;
  });
}

/** STATE, the mounts in it and its groups with their limits, a line each. */
export function portrait(p: Project): string {
  const groups = groupsOf(p).map((dir) => {
    const values = LIMITS.filter((file) => existsSync(join(dir, file))).map((file) =>
      readFileSync(join(dir, file), "utf8").trim(),
    );
    return [dir, ...values].join(" ");
  });
  return [...places(p), ...mountLines(p), ...groups].join("\n").replaceAll(p.lineage(), "LINEAGE");
}
