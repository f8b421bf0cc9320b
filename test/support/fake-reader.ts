import { createHash } from "node:crypto";
import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Reader, Stat } from "#ports/reader";
import type { FakeDisk } from "./fake-disk.ts";

/** A process of the fake host. */
export type FakeProcess = {
  command: string;
  cwd: AbsPath;
  groups: AbsPath[];
  namespace: string;
  /** Of another namespace: its mount table. */
  readonly mountinfo?: string;
  uid: number;
};
export type FakeWorld = {
  readonly disk: FakeDisk;
  readonly processes: Map<number, FakeProcess>;
  boot: string;
  namespace: string;
  /** By `PATH NAME`. */
  readonly xattrs: Map<string, string>;
  /** The v2 group this process is in. */
  group: string;
};

const ME = 4242;

/** A Reader of the fake host: its disk, and of /proc what the sources read. */
export function fakeReader(world: FakeWorld): Reader {
  const { disk } = world;
  const textAny = (path: AbsPath): string | undefined => {
    const special = procText(world, path) ?? groupText(world, path);
    if (special !== undefined) return special;
    const real = disk.real(path);
    const node = real === undefined ? undefined : disk.node(real);
    if (node?.type === "dir") throw new KernelError(`open(${path})`, "EISDIR");
    return node?.text;
  };
  const listAny = (path: AbsPath): readonly string[] | undefined => {
    if (path === "/proc") return [...world.processes.keys()].map(String);
    const real = disk.real(path);
    return real === undefined || disk.node(real)?.type !== "dir" ? undefined : disk.names(real);
  };
  const stat = (path: AbsPath): Stat | undefined => {
    const link = procLink(world, path);
    if (link === undefined && /^\/proc\/(\d+|self)$/.test(path)) return procStat(world, path);
    const real = disk.real(link ?? path);
    return real === undefined ? undefined : statOf(disk, real);
  };
  const orThrow = <T>(path: AbsPath, value: T | undefined): T => {
    if (value === undefined) throw new KernelError(`open(${path})`, "ENOENT");
    return value;
  };
  const mount = (path: AbsPath): ReturnType<FakeDisk["where"]>["mount"] | undefined => {
    const real = disk.real(procLink(world, path) ?? path);
    return real === undefined ? undefined : disk.where(real).mount;
  };
  return {
    uid: 0,
    pid: ME,
    text: (path) => orThrow(path, textAny(path)),
    textAny,
    bytes: (path) => Buffer.from(orThrow(path, textAny(path))),
    part: (path, offset, length) =>
      Buffer.from(orThrow(path, textAny(path)), "latin1").subarray(offset, offset + length),
    digest: (path) =>
      createHash("sha256")
        .update(orThrow(path, textAny(path)), "latin1")
        .digest("hex"),
    list: (path) => orThrow(path, listAny(path)),
    listAny,
    stat,
    lstat: (path) => (disk.node(path) === undefined ? undefined : statOf(disk, path)),
    readlink: (path) => {
      const pid = /^\/proc\/(\d+|self)\/ns\/mnt$/.exec(path)?.[1];
      if (pid !== undefined)
        return namespaceLink(pid === "self" ? world.namespace : world.processes.get(Number(pid))?.namespace);
      const node = disk.node(path);
      return procLink(world, path) ?? (node?.type === "symlink" ? node.text : undefined);
    },
    realpath: (path) => disk.real(path),
    mountId: (path) => mount(path)?.id,
    uniqueMountId: (path) => mount(path)?.unique,
    hasFileSystem: () => undefined,
    statIn: (root, path) => stat(join(root, path)),
    textIn: (root, path) => textAny(join(root, path)),
    xattr: (path, name) => world.xattrs.get(`${path} ${name}`),
    sha256: (data) => createHash("sha256").update(data).digest("hex"),
  };
}

function namespaceLink(namespace: string | undefined): string | undefined {
  return namespace === undefined ? undefined : `mnt:[${namespace}]`;
}

function procLink(world: FakeWorld, path: AbsPath): AbsPath | undefined {
  const pid = /^\/proc\/(\d+)\/cwd$/.exec(path)?.[1];
  return pid === undefined ? undefined : world.processes.get(Number(pid))?.cwd;
}

function procStat(world: FakeWorld, path: AbsPath): Stat | undefined {
  const process =
    path === "/proc/self" ? { uid: 0 } : world.processes.get(Number(path.slice("/proc/".length)));
  if (process === undefined) return undefined;
  return {
    type: "dir",
    mode: 0o555,
    uid: process.uid,
    gid: 0,
    size: 0,
    dev: "0:5",
    ino: "1",
    rdev: "0:0",
    mtimeNs: 0n,
    ctimeNs: 0n,
    nlink: 9,
  };
}

function procText(world: FakeWorld, path: AbsPath): string | undefined {
  if (path === "/proc/sys/kernel/random/boot_id") return `${world.boot}\n`;
  if (path === "/proc/sys/kernel/random/uuid")
    return `00000000-0000-4000-8000-${world.disk.number().padStart(12, "0")}\n`;
  if (path === "/proc/uptime") return "1000.00 1.00\n";
  if (path === "/proc/self/mountinfo") return world.disk.mountinfo();
  if (path === "/proc/self/cgroup") return `${v1Names(world)}0::${world.group}\n`;
  const [, pid, file] = /^\/proc\/(\d+)\/(\w+)$/.exec(path) ?? [];
  const process = world.processes.get(Number(pid));
  if (process === undefined) return undefined;
  if (file === "cmdline") return `${process.command.replaceAll(" ", "\0")}\0`;
  if (file === "stat") return `${pid} (fake name) S ${"0 ".repeat(18)}99000 0`;
  if (file !== "mountinfo") return undefined;
  return process.namespace === world.namespace ? world.disk.mountinfo() : process.mountinfo;
}

function v1Names({ disk }: FakeWorld): string {
  const v1 = disk.table.filter((m) => m.type === "cgroup");
  return v1.map((m, i) => `${i + 1}:${m.superOptions.filter((o) => o !== "rw").join(",")}:/\n`).join("");
}

/** cgroup.procs and cgroup.events say which processes are there. */
function groupText(world: FakeWorld, path: AbsPath): string | undefined {
  const [, dir, file] = /^(.*)\/cgroup\.(procs|events)$/.exec(path) ?? [];
  if (dir === undefined || world.disk.node(path) === undefined) return undefined;
  const here = [...world.processes].filter(([, p]) => p.groups.includes(dir as AbsPath));
  const below = [...world.processes].some(([, p]) =>
    p.groups.some((g) => g === dir || g.startsWith(`${dir}/`)),
  );
  return file === "procs"
    ? here.map(([pid]) => `${pid}\n`).join("")
    : `populated ${below ? 1 : 0}\nfrozen 0\n`;
}

function statOf(disk: FakeDisk, path: AbsPath): Stat {
  const node = disk.node(path)!;
  const { mount } = disk.where(path);
  const dirs =
    node.type === "dir"
      ? disk.names(path).filter((n) => disk.node(join(path, n))?.type === "dir").length
      : -1;
  return {
    type: node.type,
    mode: node.mode,
    uid: node.uid,
    gid: node.gid,
    size: Buffer.byteLength(node.text),
    dev: mount.dev,
    ino: node.ino,
    rdev: "0:0",
    mtimeNs: 0n,
    ctimeNs: 0n,
    nlink: 2 + dirs,
  };
}
