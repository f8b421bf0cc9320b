import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { MountIdentity } from "#model/record";
import type { InnerMount } from "#model/resource";
import type { Mounts, OverlayMount, Stage, Tree } from "#ports/mounts";
import type { FakeMount } from "./fake-disk.ts";
import type { FakeWorld } from "./fake-reader.ts";

type Taken = Tree & { readonly at: AbsPath; readonly mounts: readonly FakeMount[] };

const identity = ({ id, unique, dev }: FakeMount): MountIdentity => ({ id, unique, dev });

/** `note` is told of every call before it is carried out. */
export function fakeMounts(world: FakeWorld, note: (line: string) => void): Mounts {
  const { disk } = world;
  return {
    stage: (work) => {
      note("stage");
      const host = disk.table;
      disk.table = [...host];
      try {
        return work(fakeStage(world, note));
      } finally {
        disk.table = host;
      }
    },
    attach: (tree, at) => {
      note(`attach ${at}`);
      const { at: from, mounts } = tree as Taken;
      const made = mounts.map(({ id: _, parent: __, unique: ___, ...m }) =>
        disk.mount({ ...m, point: join(at, m.point.slice(from.length)) }),
      );
      return identity(made[0]!);
    },
    inner: (root, mount) => {
      note(`inner ${join(root, mount.target)}`);
      const made = innerMount(world, root, mount);
      return { ...identity(made), point: made.point as AbsPath };
    },
    tmpfs: (at, { tag }) => {
      note(`tmpfs ${at}`);
      return identity(disk.tmpfs(at, tag, 0o700));
    },
    anchor: (at) => {
      note(`anchor ${at}`);
      const made = disk.bind(at, at);
      made.propagation = ["shared:77"];
      return identity(made);
    },
    identify: (at) => identity(disk.where(at).mount),
    unmount: (at, lazy = false) => {
      note(`unmount ${lazy ? "-l " : ""}${at}`);
      detach(world, at, lazy);
    },
  };
}

function fakeStage(world: FakeWorld, note: (line: string) => void): Stage {
  const { disk } = world;
  return {
    overlay: (o, at) => {
      note(`stage.overlay ${at} ${o.lowers.join(":")}${o.rw === undefined ? "" : ` upper=${o.rw.upper}`}`);
      overlay(world, o, at);
    },
    inner: (root, mount) => {
      note(`stage.inner ${join(root, mount.target)}`);
      return innerMount(world, root, mount).point.slice(root.length);
    },
    tmpfs: (at, { tag, mode }) => {
      note(`stage.tmpfs ${at}`);
      disk.tmpfs(at, tag, mode);
    },
    unmount: (at) => {
      note(`stage.unmount ${at}`);
      detach(world, at, false);
    },
    makeTarget: (root, target, type) => {
      note(`stage.makeTarget ${target} ${type}`);
      makeTarget(world, join(root, target), type);
    },
    writeIn: (root, path, text) => {
      note(`stage.writeIn ${path}`);
      disk.file(join(root, path), text);
    },
    linkIn: (root, path, to) => {
      note(`stage.linkIn ${path} ${to}`);
      disk.link(join(root, path), to);
    },
    take: (at) => {
      note(`stage.take ${at}`);
      const taken: Taken = { fd: -1, close: () => undefined, at, mounts: disk.tree(disk.where(at).mount) };
      return taken;
    },
  };
}

function overlay({ disk }: FakeWorld, o: OverlayMount, at: AbsPath): void {
  const dirs = [...(o.rw === undefined ? [] : [o.rw.upper]), ...o.lowers];
  for (const dir of [...dirs, ...(o.rw === undefined ? [] : [o.rw.work])]) {
    if (disk.node(dir)?.type !== "dir")
      throw new KernelError(`fsconfig(FSCONFIG_SET_FD, "${dir}")`, "ENOENT");
  }
  const layers = dirs.map((dir) => disk.keys(dir)[0]!);
  const rw = o.rw === undefined ? [] : [`upperdir=${o.rw.upper}`, `workdir=${o.rw.work}`];
  const superOptions = ["rw", ...o.lowers.map((l) => `lowerdir+=${l}`), ...rw];
  disk.mount({
    dev: `0:${disk.number()}`,
    root: "/",
    point: at,
    type: "overlay",
    source: o.tag,
    superOptions,
    layers,
  });
}

function makeTarget({ disk }: FakeWorld, path: AbsPath, type: "dir" | "file"): AbsPath {
  const real = disk.real(path);
  if (real === undefined && type === "dir") disk.dir(path);
  if (real === undefined && type === "file") disk.file(path);
  return real ?? path;
}

function innerMount(world: FakeWorld, root: AbsPath, mount: InnerMount): FakeMount {
  const at = makeTarget(world, join(root, mount.target), mount.kind === "volume" ? mount.type : "dir");
  if (mount.kind === "tmpfs") return world.disk.tmpfs(at, "tmpfs", mount.mode);
  const made = world.disk.bind(mount.path, at);
  made.options = [mount.access, "nosuid", "nodev"];
  return made;
}

function detach({ disk, processes }: FakeWorld, at: AbsPath, lazy: boolean): void {
  const { mount } = disk.where(at);
  if (mount.point !== at) throw new KernelError(`umount2("${at}")`, "EINVAL");
  const tree = disk.tree(mount);
  const used = [...processes.values()].some((p) => tree.includes(disk.where(p.cwd).mount));
  if (!lazy && (tree.length > 1 || used)) throw new KernelError(`umount2("${at}")`, "EBUSY");
  disk.table = disk.table.filter((m) => !tree.includes(m));
}
