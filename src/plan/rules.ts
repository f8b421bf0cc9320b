import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import type { Issue } from "#model/facts";
import { overlayPaths } from "#model/mountinfo";
import type { MountEntry } from "#model/observed";
import type { Layer, Overlay, VolumeResource } from "#model/resource";
import type { SpecPath } from "#model/spec";

/** File systems may be stacked this deep (FILESYSTEM_MAX_STACK_DEPTH, include/linux/fs.h). */
const MAX_DEPTH = 2;

/** The tag of an environment's overlay, of whatever state directory, with its id. */
const OURS = /^envctl:[0-9a-f]{8}:(.+)$/;

/** The mount table, as far as these rules ask. */
export type Table = {
  /** The mount a path lies on. */
  readonly covering: (path: AbsPath) => MountEntry | undefined;
  /** Every overlay of this namespace. */
  readonly overlays: readonly MountEntry[];
};

/** What the kernel refuses, or leaves undefined, of layers that belong to other overlays. */
export function layerIssues({ lowers }: Overlay, table: Table): readonly Issue[] {
  return lowers.flatMap((layer, i): readonly Issue[] => {
    const at: SpecPath = i === lowers.length - 1 ? ["rootfs"] : ["lowers", i];
    const error = (summary: string, detail: string): readonly Issue[] => [
      { path: at, severity: "error", code: "overlay_rule", summary, detail },
    ];
    const inside = insideOf(layer.path, table);
    if (inside !== undefined)
      return error(`this is the inside of ${inside}`, "it changes, and a layer must not");
    const writer = writerOf(layer, table);
    if (writer !== undefined)
      return error(
        "this is the writable layer of an overlay",
        `mounted at ${writer.point}; a layer must not change`,
      );
    const depth = depthOf(layer.path, table);
    if (depth < MAX_DEPTH) return [];
    const detail = `it lies on ${depth} overlays already, and the kernel stacks ${MAX_DEPTH}: name a directory below them`;
    return error("too many overlays on top of each other", detail);
  });
}

/** A volume from the inside of an environment keeps that one mounted, and shows what will not last. */
export function volumeIssue(volume: VolumeResource, at: SpecPath, table: Table): readonly Issue[] {
  const inside = insideOf(volume.path, table);
  if (inside === undefined) return ownerIssue(volume, at, table);
  const detail = "mount what that one's own volume comes from";
  return [
    { path: at, severity: "error", code: "conflict", summary: `this is the inside of ${inside}`, detail },
  ];
}

/** File systems that no kernel shows with other owners (FS_ALLOW_IDMAP); the others are tried when they are mounted. */
const NEVER = /^(overlay|nfs.*|cifs|smb3|9p|fuse.*|proc|sysfs|cgroup.*|devtmpfs)$/;

function ownerIssue({ path, owner }: VolumeResource, at: SpecPath, { covering }: Table): readonly Issue[] {
  const mount = owner === undefined ? undefined : covering(path);
  if (mount === undefined || !NEVER.test(mount.type)) return [];
  const detail = `${path} lies on ${mount.type}: keep it on ext4, xfs or btrfs, or leave owner out`;
  const summary = "owner: caller needs a file system that can be id-mapped";
  return [{ path: [...at.slice(0, -1), "owner"], severity: "error", code: "refused", summary, detail }];
}

/** The environment, of whatever state directory, whose overlay a path lies on. */
function insideOf(path: AbsPath, { covering }: Table): string | undefined {
  const mount = covering(path);
  return mount?.type === "overlay" ? OURS.exec(mount.source)?.[1] : undefined;
}

function writerOf(layer: Layer, { overlays }: Table): MountEntry | undefined {
  return overlays.find((mount) => writtenBy(mount).some((dir) => isWithin(dir, layer.path)));
}

/** Upper and work. Where the table shows numbers of descriptors (before Linux 6.13) an environment's are known to lie beside `merged`. */
function writtenBy(mount: MountEntry): readonly string[] {
  const { upper, work } = overlayPaths(mount.superOptions);
  if (upper !== undefined && work !== undefined) return [upper, work];
  const beside = /^(.*)\/merged$/.exec(mount.point)?.[1];
  return beside !== undefined && OURS.test(mount.source) ? [`${beside}/rw`] : [];
}

/** How many overlays lie on top of each other at a path, as far as the mount table shows their layers. */
function depthOf(path: AbsPath, table: Table, most = MAX_DEPTH): number {
  const mount = table.covering(path);
  if (mount?.type !== "overlay" || most === 0) return 0;
  const lowers = overlayPaths(mount.superOptions).lowers ?? [];
  return 1 + Math.max(0, ...lowers.map((lower) => depthOf(lower as AbsPath, table, most - 1)));
}
