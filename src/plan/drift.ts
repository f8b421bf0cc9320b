import type { Finding } from "#model/plan";
import type { MountEntry, Observed } from "#model/observed";
import type { Resource, VolumeResource } from "#model/resource";
import { shell } from "#model/shell";
import { groupAddress, lostGroup } from "./groups.ts";
import { isLayer } from "./layers.ts";
import { foreignMounts, recordedResources, standings } from "./standing.ts";

/**
 * What the record says and the kernel does not show, or shows besides. Unapplied edits of the file are not among it. `word` is what the
 * commands of the fixes call the environment.
 */
export function findings(observed: Observed, word?: string): readonly Finding[] {
  const { record } = observed;
  const resources = recordedResources(observed);
  const name = record?.name ?? observed.id;
  const called = word ?? name;
  const fix = `envctl apply ${called}`;
  const out: Finding[] = [];
  const add = (address: string, rest: Omit<Finding, "env" | "address">): void =>
    void out.push({ env: observed.id, address, ...rest });
  if (record !== undefined && observed.rebooted && resources.length > 0) {
    add(`${name}.overlay`, {
      kind: "rebooted",
      detail: "the host was rebooted; nothing of it is mounted",
      fix,
    });
    return out;
  }
  if (record?.phase === "applying" || record?.phase === "destroying") {
    const verb = record.phase === "applying" ? "apply" : "destroy";
    add(name, { kind: "leftover", detail: `${verb} was interrupted`, fix: `envctl ${verb} ${called}` });
  }
  for (const [address, standing] of standings(resources, observed)) {
    if (standing.is === "missing")
      add(address, { kind: "missing", detail: missingText(resources, address), fix });
    if (standing.is === "changed")
      add(address, { kind: "changed", detail: standing.what, fix, ...at(standing.mount) });
    if (standing.is === "stacked") {
      add(address, {
        kind: "stacked",
        detail: `mounted ${standing.mounts.length} times over each other`,
        fix: isOver(observed, address, standing.mounts.at(-1))
          ? shell(["umount", standing.mounts.at(-1)!.point])
          : fix,
        ...at(standing.mounts.at(-1)),
      });
    }
  }
  const lost = lostGroup(observed, resources);
  if (lost !== undefined)
    add(groupAddress(name), {
      kind: "missing",
      detail: "the group of its processes is gone",
      fix,
      path: lost.dir,
    });
  for (const [address, what] of Object.entries(observed.staleSources)) {
    const detail =
      what === "gone"
        ? "its source was deleted; the mount holds what was there"
        : "its source was replaced; the mount holds the old one";
    const volume = resources.find((r) => r.kind === "volume" && r.address === address);
    const back = what === "gone" && volume?.kind === "volume" && !makes(volume);
    add(address, { kind: "stale_source", detail, fix: back ? `put ${volume.path} back, then: ${fix}` : fix });
  }
  for (const { address, layer } of resources.filter(isLayer)) {
    if (observed.absentLayers?.includes(layer.path) === true)
      add(address, { kind: "missing", detail: "its stored layer is gone", fix, path: layer.path });
  }
  for (const mount of foreignMounts(resources, observed)) {
    add(mount.point, {
      kind: "foreign",
      detail: `${mount.type}, mount ${mount.id}, not made by envctl`,
      fix: shell(["umount", mount.point]),
      mount: mount.id,
      path: mount.point,
    });
  }
  return out;
}

/** Whether a mount lies over the recorded one of a volume: nothing shows that it is ours, so apply leaves it alone. An overlay's tag does. */
function isOver({ record }: Observed, address: string, top: MountEntry | undefined): boolean {
  return (
    top?.type !== "overlay" && record?.mounts[address] !== undefined && record.mounts[address].id !== top?.id
  );
}

/** Whether apply makes a volume's source that is missing. */
function makes({ access, type }: VolumeResource): boolean {
  return access === "rw" && type === "dir";
}

function missingText(resources: readonly Resource[], address: string): string {
  return resources.find((r) => r.address === address)?.kind === "limit"
    ? "recorded, no cgroup holds it"
    : "recorded, not mounted";
}

function at(mount: { readonly id: string; readonly point: string } | undefined): {
  mount?: string;
  path?: string;
} {
  return mount === undefined ? {} : { mount: mount.id, path: mount.point };
}
