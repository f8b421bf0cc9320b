import { isWithin, type AbsPath } from "#model/brand";
import type { Issue } from "#model/facts";
import type { Resource, VolumeResource } from "#model/resource";
import type { Spec } from "#model/spec";

/** An environment of this host, as far as others can get in its way. */
export type Neighbour = {
  readonly id: string;
  readonly name: string;
  readonly resources: readonly Resource[];
};

/** What environments write and what they have as layers, by path: a hundred that are alike share a few paths. */
export type Neighbourhood = {
  readonly written: ReadonlyMap<AbsPath, readonly Use[]>;
  readonly layers: ReadonlyMap<AbsPath, readonly Use[]>;
};
/** By whom; of a volume, its target. */
type Use = { readonly by: Neighbour; readonly target?: string };

/** Gathers what environments write and have as layers, by path. */
export function neighbourhood(all: readonly Neighbour[]): Neighbourhood {
  const [written, layers] = [new Map<AbsPath, Use[]>(), new Map<AbsPath, Use[]>()];
  const add = (to: Map<AbsPath, Use[]>, path: AbsPath, use: Use): void => {
    const uses = to.get(path);
    if (uses === undefined) to.set(path, [use]);
    else uses.push(use);
  };
  for (const by of all) {
    for (const r of by.resources) {
      if (r.kind === "volume" && r.access === "rw") add(written, r.path, { by, target: r.target });
      if (r.kind === "rootfs" || r.kind === "layer") add(layers, r.layer.path, { by });
    }
  }
  return { written, layers };
}

/**
 * Volumes that this environment writes and another one writes, too, under another path, or has as a layer (row F17). The very same source
 * in both is what people share on purpose. One remark for a volume and another environment.
 */
export function crossings(
  spec: Pick<Spec, "volumes">,
  { id, resources }: Pick<Neighbour, "id" | "resources">,
  { written, layers }: Neighbourhood,
): readonly Issue[] {
  const volumes = resources.filter((r): r is VolumeResource => r.kind === "volume" && r.access === "rw");
  return volumes.flatMap((volume) => {
    const met = new Map<string, Issue>();
    const meet = ({ by }: Use, summary: string, detail: string): void => {
      if (by.id === id || met.has(by.id)) return;
      const index = spec.volumes.findIndex((v) => v.target === volume.target);
      const path = ["volumes", index, "source"];
      met.set(by.id, { path, severity: "warning", code: "conflict", summary, detail });
    };
    for (const [path, uses] of written) {
      const holds = isWithin(volume.path, path);
      if (path === volume.path || !(holds || isWithin(path, volume.path))) continue;
      for (const use of uses)
        meet(
          use,
          `volume["${volume.target}"] ${holds ? "holds" : "lies in"} what ${use.by.name} writes`,
          `${path}, its volume["${use.target}"]`,
        );
    }
    for (const [path, uses] of layers) {
      if (!isWithin(volume.path, path)) continue;
      for (const use of uses)
        meet(
          use,
          `through volume["${volume.target}"] a layer of ${use.by.name} can be written`,
          `${path}; changing a layer while it is mounted has undefined results (overlayfs.rst)`,
        );
    }
    return [...met.values()];
  });
}
