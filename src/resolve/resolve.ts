import type { Facts, Issue, VolumeFact } from "#model/facts";
import { KernelError } from "#model/diagnostic";
import { isStored, type Layer, type Ownership } from "#model/resource";
import type { Draft, Source, SpecPath, Volume } from "#model/spec";
import { givable } from "#model/rootless";
import type { Reader } from "#ports/reader";
import { overlayIssues, type Placed } from "./overlay.ts";
import { missingCpus } from "./cpus.ts";
import type { Ground } from "./ground.ts";
import { resolveLayer } from "./layers.ts";
import { shownOwner } from "./owner.ts";
import { unknownUser } from "./user.ts";
import { resolveVolume, volumeIssues } from "./volumes.ts";

export type Resolved =
  | { readonly kind: "facts"; readonly facts: Facts }
  | { readonly kind: "issues"; readonly issues: readonly Issue[] };

/**
 * Holds a Spec, or what could be read of one, against this host. `ground.base` is the real path of the file's directory, `state` that of
 * the state directory. All mistakes are collected; nothing is written and nothing fetched.
 */
export function resolve(reader: Reader, spec: Draft, ground: Ground): Resolved {
  const { base, state } = ground;
  const issues: Issue[] = [...missingCpus(reader, spec.limits)];
  const keep = <T extends object>(found: T | Issue): T | undefined => {
    if (!("severity" in found)) return found;
    issues.push(found);
    return undefined;
  };
  const owned = (fact: VolumeFact | Issue, { owner }: Volume, i: number): VolumeFact | Issue => {
    if ("severity" in fact || owner === undefined) return fact;
    const shown = shownOwner(reader, ground.caller(), spec.entry?.user, ["volumes", i, "owner"]);
    if (shown === undefined) return fact;
    return "severity" in shown ? shown : { ...fact, owner: shown };
  };
  const layer = (source: Source | undefined, at: SpecPath): Layer | undefined =>
    source === undefined
      ? undefined
      : keep<Layer>(pointedAt(at, () => resolveLayer(reader, ground, source, at)));
  const rootfs = layer(spec.rootfs, ["rootfs"]);
  const lowers = spec.lowers.map((source, i) => layer(source, ["lowers", i]));
  const volume = (v: Volume, i: number): VolumeFact | Issue => {
    const at: SpecPath = ["volumes", i, "source"];
    return pointedAt(at, () => owned(resolveVolume(reader, base, state, v, at), v, i));
  };
  const volumes = spec.volumes.map((v, i) => (v === undefined ? undefined : keep<VolumeFact>(volume(v, i))));
  const placed = [...lowers, rootfs].flatMap((layer, i): Placed[] =>
    layer === undefined ? [] : [{ layer, at: i < lowers.length ? ["lowers", i] : ["rootfs"] }],
  );
  const found = [
    ...overlayIssues(spec.overlay, lowers.length + 1, placed, state, reader.rootless !== undefined),
    ...volumeIssues(spec.volumes, volumes, placed, state),
  ];
  const warnings = found.filter((issue) => issue.severity === "warning");
  issues.push(...found.filter((issue) => issue.severity === "error"));
  const layers = [...lowers, rootfs];
  if (layers.every((l) => l !== undefined)) {
    const paths = layers.map(({ path }) => path);
    issues.push(...unknownUser(reader, spec, paths, ground.upper));
  }
  const root = rootfs === undefined ? undefined : rootOf(reader, rootfs);
  if (issues.length > 0 || rootfs === undefined || root === undefined)
    return { kind: "issues", issues: [...issues, ...warnings] };
  return {
    kind: "facts",
    facts: {
      rootfs,
      lowers: lowers.filter((l) => l !== undefined),
      volumes: volumes.filter((v) => v !== undefined),
      root: { mode: root.mode, uid: root.uid, gid: root.gid },
      warnings,
    },
  };
}

/** What the kernel refuses of a path is a mistake at its place in the file: symlinks that lead to themselves, a name too long. */
function pointedAt<T>(path: SpecPath, look: () => T): T | Issue {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const { call, errno, hint } = error;
    const said = { call, errno, ...(hint === undefined ? {} : { hint }) };
    return { path, severity: "error", code: "kernel", summary: "cannot be looked at", ...said };
  }
}

/** A stored layer's root is made so; it need not be there yet. */
function rootOf(reader: Reader, layer: Layer): Ownership | undefined {
  if (isStored(layer)) return { mode: 0o755, uid: 0, gid: 0 };
  const stat = reader.stat(layer.path);
  return stat && givable(stat, reader.rootless);
}
