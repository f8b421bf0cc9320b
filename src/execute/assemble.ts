import type { AbsPath } from "#model/brand";
import { isWithin, join, parentOf } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import type { MountEntry, Place } from "#model/observed";
import type { InnerMount, Overlay } from "#model/resource";
import { givable } from "#model/rootless";
import { initPlace } from "#model/stack";
import type { Files } from "#ports/files";
import type { Stage } from "#ports/mounts";
import type { Reader } from "#ports/reader";

export type Stack = {
  readonly place: Place;
  readonly tag: string;
  readonly overlay: Overlay;
  /** Parents first. */
  readonly inner: readonly InnerMount[];
  /** The mount that `place` lies on. */
  readonly covering?: MountEntry;
};
export type AssemblePorts = { readonly reader: Reader; readonly files: Files };

/**
 * Inside a stage: the init layer, the overlay at `place.merged`, everything mounted in it. Answers each inner mount's point by address.
 * The host's namespace sees nothing of it until the tree is taken and attached, or a launch pivots into it.
 */
export function assemble(
  stage: Stage,
  ports: AssemblePorts,
  stack: Stack,
): ReadonlyMap<string, { readonly point: AbsPath }> {
  const { place, overlay } = stack;
  const { layer } = initPlace(place, overlay.lowers, stack.covering);
  buildInit(stage, ports, stack);
  const lowers = [layer, ...overlay.lowers.map((l) => l.path)];
  const rw = overlay.upper.kind === "none" ? {} : { rw: { upper: place.upper, work: place.work } };
  stage.overlay({ tag: stack.tag, lowers, ...rw, ...marks(ports), options: overlay.options }, place.merged);
  const points = new Map<string, { readonly point: AbsPath }>();
  for (const mount of stack.inner) {
    const point = join(
      place.merged,
      mounting(mount, () => stage.inner(place.merged, mount)),
    );
    refuseHiding(place.merged, mount, point, points);
    points.set(mount.address, { point });
  }
  return points;
}

/** In a user namespace overlayfs may not use `trusted.*` attributes (overlayfs.rst, "User xattr"). */
function marks({ reader }: AssemblePorts): { readonly userxattr?: boolean } {
  return reader.rootless === undefined ? {} : { userxattr: true };
}

/** Says which mount it was that the kernel refused. @throws Failure */
function mounting<T>(mount: InnerMount, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const { call, errno, hint } = error;
    const said = { call, errno, ...(hint === undefined ? {} : { hint }) };
    throw failure(1, "kernel", `cannot mount ${mount.address}`, said, error);
  }
}

/**
 * Symlinks inside may lead two targets to one place, or one below the other: what was mounted there first could be neither seen nor
 * told from the second. @throws Failure conflict
 */
export function refuseHiding(
  merged: AbsPath,
  mount: InnerMount,
  point: AbsPath,
  others: Iterable<readonly [address: string, at: { readonly point: AbsPath }]>,
): void {
  const [address, other] = [...others].find(([, { point: there }]) => isWithin(point, there)) ?? [];
  if (other === undefined) return;
  const inside = (path: AbsPath): string => path.slice(merged.length);
  throw failure(1, "conflict", `${mount.address} would hide ${address}`, {
    detail: `through symlinks inside they lie at ${inside(point)} and ${inside(other.point)}`,
    hint: "write the targets as they are without symlinks",
  });
}

/**
 * Writes the init layer through a passing overlay whose upper it is, so that directories it shares with lower layers keep their mode and
 * owner, and symlinks in a rootfs (/etc, /var/run) are followed inside. It is a lower of the real overlay: upper stays the user's own.
 */
function buildInit(stage: Stage, ports: AssemblePorts, stack: Stack): void {
  const { reader, files } = ports;
  const { place, tag, overlay, inner } = stack;
  const at = place.merged;
  const { layer, work, memory } = initPlace(place, overlay.lowers, stack.covering);
  if (memory) {
    stage.tmpfs(place.init, { tag, mode: 0o700 });
    files.makeDir(layer, overlay.root);
    files.makeDir(work, { ...overlay.root, mode: 0o700 });
  }
  for (const path of ["/etc", ...inner.map(({ target }) => parentOf(target as AbsPath))])
    takeOver(ports, stack, layer, path);
  const rw = { upper: layer, work };
  // Not volatile, its unmount would sync the whole file system that init lies on (ovl_sync_fs). After a crash init is built anew.
  const options = { index: "off", metacopy: "off", redirect_dir: "off", volatile: true } as const;
  stage.overlay({ tag, lowers: overlay.lowers.map((l) => l.path), rw, ...marks(ports), options }, at);
  for (const dir of ["/proc", "/sys", "/dev"]) stage.makeTarget(at, dir, "dir");
  for (const [path, text] of etcFiles(reader, overlay)) stage.writeIn(at, path, text);
  stage.linkIn(at, "/etc/mtab", "/proc/mounts");
  for (const mount of inner) {
    const nested = inner.some((other) => other !== mount && isWithin(other.target, mount.target));
    if (!nested)
      mounting(mount, () => stage.makeTarget(at, mount.target, mount.kind === "volume" ? mount.type : "dir"));
  }
  stage.unmount(at);
}

/** Directories of a layer that is not an ordinary user's: only what is made anew beforehand can be written to in the overlay. */
function takeOver({ reader, files }: AssemblePorts, { overlay }: Stack, layer: AbsPath, path: string): void {
  if (reader.rootless === undefined) return;
  let inside = "";
  for (const name of path.split("/").filter(Boolean)) {
    inside += `/${name}`;
    const stats = overlay.lowers.map((lower) => reader.lstat(join(lower.path, inside)));
    const stat = stats.find((found) => found !== undefined);
    if (stat?.type !== "dir") return;
    files.makeDir(join(layer, inside), givable(stat, reader.rootless));
  }
}

function etcFiles(reader: Reader, { init }: Overlay): readonly (readonly [string, string])[] {
  const hosts = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    `127.0.1.1\t${init.hostname}`,
    "",
  ].join("\n");
  const resolv = init.resolv === "host" ? reader.textAny("/etc/resolv.conf" as AbsPath) : undefined;
  return [
    ["/etc/hostname", `${init.hostname}\n`],
    ["/etc/hosts", hosts],
    ["/etc/resolv.conf", resolv ?? "# no network: entry.network is none\n"],
  ];
}

/** Upper and work for a tmpfs upper, which is empty each time it is mounted. */
export function makeUpper(files: Files, place: Place, overlay: Overlay): void {
  files.makeDir(place.upper, overlay.root);
  files.makeDir(place.work, { mode: 0o700, uid: overlay.root.uid, gid: overlay.root.gid });
}
