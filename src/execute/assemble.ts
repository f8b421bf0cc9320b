import type { AbsPath } from "#model/brand";
import { isWithin, join } from "#model/brand";
import type { Place } from "#model/observed";
import type { InnerMount, Overlay } from "#model/resource";
import type { Files } from "#ports/files";
import type { Stage } from "#ports/mounts";
import type { Reader } from "#ports/reader";
import { initWork } from "./context.ts";

export type Stack = {
  readonly place: Place;
  readonly tag: string;
  readonly overlay: Overlay;
  /** Parents first. */
  readonly inner: readonly InnerMount[];
};

/**
 * Inside a stage: the init layer, the overlay at `place.merged`, everything mounted in it. Answers each inner mount's point by address.
 * The host's namespace sees nothing of it until the tree is taken and attached, or a launch pivots into it.
 */
export function assemble(stage: Stage, reader: Reader, stack: Stack): ReadonlyMap<string, AbsPath> {
  const { place, overlay } = stack;
  buildInit(stage, reader, stack);
  const lowers = [place.init, ...overlay.lowers.map((l) => l.path)];
  const rw = overlay.upper.kind === "none" ? {} : { rw: { upper: place.upper, work: place.work } };
  stage.overlay({ tag: stack.tag, lowers, ...rw, options: overlay.options }, place.merged);
  return new Map(
    stack.inner.map((mount) => [mount.address, join(place.merged, stage.inner(place.merged, mount))]),
  );
}

/**
 * Writes the init layer through a passing overlay whose upper it is, so that directories it shares with lower layers keep their mode and
 * owner, and symlinks in a rootfs (/etc, /var/run) are followed inside. It is a lower of the real overlay: upper stays the user's own.
 */
function buildInit(stage: Stage, reader: Reader, { place, tag, overlay, inner }: Stack): void {
  const at = place.merged;
  const rw = { upper: place.init, work: initWork(place.dir) };
  const options = { index: "off", metacopy: "off", redirect_dir: "off" } as const;
  stage.overlay({ tag, lowers: overlay.lowers.map((l) => l.path), rw, options }, at);
  for (const dir of ["/proc", "/sys", "/dev"]) stage.makeTarget(at, dir, "dir");
  for (const [path, text] of etcFiles(reader, overlay)) stage.writeIn(at, path, text);
  stage.linkIn(at, "/etc/mtab", "/proc/mounts");
  for (const mount of inner) {
    const nested = inner.some((other) => other !== mount && isWithin(other.target, mount.target));
    if (!nested) stage.makeTarget(at, mount.target, mount.kind === "volume" ? mount.type : "dir");
  }
  stage.unmount(at);
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
