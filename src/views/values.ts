// Values of resources as words.
import type { Observed } from "#model/observed";
import { mountFlags, type Layer, type LimitName, type UpperForm, type VolumeResource } from "#model/resource";
import { formatBytes } from "#model/size";
import type { UpperUse } from "#model/outcome";
import { count } from "./text.ts";

/** A limit for people: `512 MiB`, `1.5 CPUs`, `CPUs 0-1`. */
export function limitText(name: LimitName, value: string): string {
  switch (name) {
    case "memory":
      return formatBytes(value);
    case "swap":
      return Number(value) === 0 ? "no swap" : formatBytes(value);
    case "cpus":
      return `${value} CPU${Number(value) === 1 ? "" : "s"}`;
    case "cpuset":
      return `CPUs ${value}`;
    case "cpuset_mems":
      return `nodes ${value}`;
    case "cpu_shares":
      return `${value} shares`;
    case "pids":
      return count(Number(value), "process").replace("processs", "processes");
  }
}

/** A volume's mount flags, and what else of a volume one would write among mount(8)'s options. */
export function volumeFlags(
  volume: Pick<VolumeResource, "access" | "options" | "recursive" | "owner">,
): readonly string[] {
  return [
    ...mountFlags(volume),
    ...(volume.recursive ? ["recursive"] : []),
    ...(volume.owner === undefined ? [] : [`owner ${volume.owner.uid}:${volume.owner.gid}`]),
  ];
}

/** Where an overlay's writable layer lies: `tmpfs, 512 MiB`, `disk`. */
export function upperText(upper: UpperForm): string {
  if (upper.kind === "tmpfs") return `tmpfs, ${formatBytes(upper.bytes)}`;
  return upper.kind === "none" ? "none (read-only)" : "disk";
}

/** `214 changed paths, 83.1 MiB`, as far as it was counted. */
export function useText(use: Pick<UpperUse, "bytes" | "paths">): string {
  return [
    ...(use.paths === undefined ? [] : [count(use.paths, "changed path")]),
    ...(use.bytes === undefined ? [] : [formatBytes(use.bytes)]),
  ].join(", ");
}

/** What an environment's upper holds now. */
export function upperHolds(observed: Observed): string {
  if (observed.upperUse !== undefined) return useText(observed.upperUse);
  return observed.upperUsed ? "holds changes" : "nothing written yet";
}

/** A layer's source as the file wrote it; of many host programs the first two. */
export function sourceText({ source, digest }: Pick<Layer, "source" | "digest">): string {
  const all = source.split(", ");
  return digest === undefined || all.length < 4
    ? source
    : `${all.slice(0, 2).join(", ")} and ${all.length - 2} more`;
}

/** As much of a digest as tells two apart. */
export function digestText(digest: string): string {
  return `sha256:${digest.slice(0, 12)}`;
}

/** Octal, as chmod(1) takes it. */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
