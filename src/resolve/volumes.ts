import type { AbsPath } from "#model/brand";
import { absolute, isWithin, join, parentOf } from "#model/brand";
import type { Issue, VolumeFact } from "#model/facts";
import { givable } from "#model/rootless";
import type { SpecPath, Volume } from "#model/spec";
import type { Reader } from "#ports/reader";
import { missing } from "./layers.ts";
import type { Placed } from "./overlay.ts";

/** What the host has at a volume's source; a missing writable directory is to be created, all else missing is a mistake. */
export function resolveVolume(
  reader: Reader,
  base: AbsPath,
  state: AbsPath,
  volume: Volume,
  at: SpecPath,
): VolumeFact | Issue {
  const wanted = absolute(base, volume.source);
  const real = reader.realpath(wanted);
  const path = real ?? wanted;
  if (isWithin(state, path)) {
    return {
      path: at,
      severity: "error",
      code: "conflict",
      summary: "a volume cannot lie in the state directory",
      detail: `the state directory is ${state}`,
    };
  }
  const stat = real && reader.stat(real);
  if (stat !== undefined)
    return { path, type: stat.type === "dir" ? "dir" : "file", inode: { dev: stat.dev, ino: stat.ino } };
  const type = reader.lstat(wanted)?.type;
  if (type === "symlink") {
    return {
      path: at,
      severity: "error",
      code: "not_found",
      summary: "a dangling symlink",
      detail: `${wanted} points to nothing`,
    };
  }
  const again = (): VolumeFact | Issue => resolveVolume(reader, base, state, volume, at);
  if (type !== undefined) return again(); // made since we looked, by another envctl perhaps
  if (volume.access === "ro") return missing(reader, wanted, at, volume.source);
  return creation(reader, wanted, at) ?? again();
}

/** A directory to be made 0755, owned as the nearest parent that exists (row E22); undefined where it exists by now. */
function creation(reader: Reader, wanted: AbsPath, at: SpecPath): VolumeFact | Issue | undefined {
  const below: string[] = [];
  let parent = wanted;
  let real: AbsPath | undefined;
  while ((real = reader.realpath(parent)) === undefined) {
    below.unshift(parent.slice(parent.lastIndexOf("/") + 1));
    parent = parentOf(parent);
  }
  if (below.length === 0) return undefined;
  const stat = reader.stat(real);
  if (stat?.type !== "dir") {
    return {
      path: at,
      severity: "error",
      code: "not_directory",
      summary: "cannot be created",
      detail: `${real} is not a directory`,
    };
  }
  const dirs = below.map((_, i) => join(real, ...below.slice(0, i + 1)));
  return {
    path: dirs.at(-1)!,
    type: "dir",
    create: { dirs, owner: givable({ mode: 0o755, uid: stat.uid, gid: stat.gid }, reader.rootless) },
  };
}

/** What writing through a volume would change besides: the state directory, or a layer under a mounted overlay. */
export function volumeIssues(
  declared: readonly (Volume | undefined)[],
  found: readonly (VolumeFact | undefined)[],
  layers: readonly Placed[],
  state: AbsPath,
): readonly Issue[] {
  return found.flatMap((fact, i): readonly Issue[] => {
    const volume = declared[i];
    if (fact === undefined || volume === undefined) return [];
    const at: SpecPath = ["volumes", i, "source"];
    const holdsState = isWithin(fact.path, state);
    if (holdsState && volume.recursive) {
      const summary = "a recursive volume cannot hold the state directory";
      const detail = "it would take along the mounts of every environment, and keep them busy";
      return [{ path: at, severity: "error", code: "conflict", summary, detail }];
    }
    if (volume.access === "ro") return [];
    const warn = (summary: string, detail: string): readonly Issue[] => [
      { path: at, severity: "warning", code: "conflict", summary, detail },
    ];
    if (holdsState)
      return warn("this volume holds the state directory", `write ro, or move ${state} with --state-dir`);
    const layer = layers.find((placed) => isWithin(fact.path, placed.layer.path));
    if (layer === undefined) return [];
    const detail = "changing a layer while it is mounted has undefined results (overlayfs.rst)";
    return warn(`through this volume ${layer.layer.source}, a layer, can be written`, detail);
  });
}
