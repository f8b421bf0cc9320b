import { isWithin } from "#model/brand";
import type { Issue } from "#model/facts";
import type { Resource, VolumeResource } from "#model/resource";
import type { Spec } from "#model/spec";

/** An environment of this host, as far as others can get in its way. */
export type Neighbour = { readonly name: string; readonly resources: readonly Resource[] };

const volumesOf = (resources: readonly Resource[]): readonly VolumeResource[] =>
  resources.filter((r): r is VolumeResource => r.kind === "volume");

/**
 * Volumes that this environment writes and another one writes, too, under another path, or has as a layer (row F17). The very same source
 * in both is what people share on purpose.
 */
export function crossings(
  spec: Pick<Spec, "volumes">,
  resources: readonly Resource[],
  neighbours: readonly Neighbour[],
): readonly Issue[] {
  return volumesOf(resources).flatMap((volume) =>
    volume.access === "ro" ? [] : neighbours.flatMap((other) => crossing(spec, volume, other)),
  );
}

function crossing(spec: Pick<Spec, "volumes">, volume: VolumeResource, other: Neighbour): readonly Issue[] {
  const index = spec.volumes.findIndex((v) => v.target === volume.target);
  const warn = (summary: string, detail: string): readonly Issue[] => [
    { path: ["volumes", index, "source"], severity: "warning", code: "conflict", summary, detail },
  ];
  const theirs = volumesOf(other.resources).find(
    ({ path, access }) =>
      access === "rw" && path !== volume.path && (isWithin(path, volume.path) || isWithin(volume.path, path)),
  );
  if (theirs !== undefined) {
    const where = isWithin(volume.path, theirs.path) ? "holds" : "lies in";
    return warn(
      `volume["${volume.target}"] ${where} what ${other.name} writes`,
      `${theirs.path}, its volume["${theirs.target}"]`,
    );
  }
  const layer = other.resources.find(
    (r) => (r.kind === "rootfs" || r.kind === "layer") && isWithin(volume.path, r.layer.path),
  );
  if (layer === undefined || !("layer" in layer)) return [];
  return warn(
    `through volume["${volume.target}"] a layer of ${other.name} can be written`,
    `${layer.layer.path}; changing a layer while it is mounted has undefined results (overlayfs.rst)`,
  );
}
