import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Files } from "#ports/files";
import { ROOT } from "./fake-disk.ts";
import type { FakeWorld } from "./fake-reader.ts";

/** Locks by path, with the pid of their holder; descriptors of the delete, with the directory each stands for. */
export type FakeHandles = { readonly locks: Map<AbsPath, number>; readonly fds: Map<number, string> };

/** `note` is told of every call before it is carried out; of a walk only of its beginning. */
export function fakeFiles(
  world: FakeWorld,
  handles: FakeHandles,
  me: number,
  note: (line: string) => void,
): Files {
  const { disk } = world;
  const { locks } = handles;
  const put = (path: AbsPath, text: string, mode: number): void =>
    disk.put(path, disk.newNode("file", { ...ROOT, mode }, text));
  const remove = (path: AbsPath): void => disk.remove(disk.keys(path)[0]!);
  return {
    makeDir: (path, owner) => {
      note(`makeDir ${path} ${owner.mode.toString(8)}`);
      const there = disk.node(path);
      if (there !== undefined && there.type !== "dir") throw new KernelError(`mkdirat("${path}")`, "ENOTDIR");
      if (there === undefined) disk.put(path, disk.newNode("dir", owner));
      return there === undefined;
    },
    removeDir: (path) => {
      note(`removeDir ${path}`);
      if (disk.where(path).mount.point === path) throw new KernelError(`unlinkat("${path}")`, "EBUSY");
      remove(path);
    },
    replaceFile: (path, text) => {
      note(`replaceFile ${path}`);
      put(path, text, 0o600);
    },
    replaceFileAside: async (path, text) => {
      note(`replaceFile ${path}`);
      put(path, text, 0o600);
      return Promise.resolve();
    },
    writeFile: (path, text, mode) => {
      note(`writeFile ${path}`);
      put(path, text, mode);
    },
    removeFile: (path) => {
      note(`removeFile ${path}`);
      if (disk.node(path) !== undefined) remove(path);
    },
    setOwnership: (path, owner) => {
      note(`setOwnership ${path} ${owner.mode.toString(8)}`);
      Object.assign(disk.node(path)!, owner);
    },
    lock: (path) => {
      note(`lock ${path}`);
      const pid = locks.get(path);
      if (pid !== undefined) return { kind: "taken", holder: () => pid };
      if (disk.node(path) === undefined) put(path, "", 0o600);
      locks.set(path, me);
      return { kind: "held", lock: { release: () => void locks.delete(path) } };
    },
    unlockAndRemove: (path, lock) => {
      note(`unlockAndRemove ${path}`);
      remove(path);
      lock.release();
    },
    walk: fakeWalk(world, handles, note),
  };
}

function fakeWalk({ disk }: FakeWorld, { fds }: FakeHandles, note: (line: string) => void): Files["walk"] {
  const open = (at: string): number => {
    const fd = Number(disk.number());
    fds.set(fd, at);
    return fd;
  };
  const child = (fd: number, name: Uint8Array): string => {
    const at = fds.get(fd)!;
    return `${at.endsWith(" /") ? at : `${at}/`}${Buffer.from(name).toString()}`;
  };
  return {
    view: (path) => {
      note(`view ${path}`);
      return open(disk.keys(path)[0]!);
    },
    openDir: (at, name) => {
      const found = child(at, name);
      const type = disk.nodes.get(found)?.type;
      if (type !== "dir")
        throw new KernelError(`openat2("${found}")`, type === undefined ? "ENOENT" : "ENOTDIR");
      return open(found);
    },
    entries: (fd) =>
      disk.childrenOf(fds.get(fd)!).map((text) => {
        const name = Buffer.from(text);
        return { name, type: disk.nodes.get(child(fd, name))?.type === "dir" ? "dir" : "other" };
      }),
    unlink: (at, name) => disk.remove(child(at, name)),
    makeWritable: () => undefined,
    close: (fd) => void fds.delete(fd),
  };
}
