import type { AbsPath } from "#model/brand";
import { baseName, isWithin, join, parentOf } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { escapePath } from "#model/mountinfo";
import type { MountEntry } from "#model/observed";
import type { Ownership } from "#model/resource";
import type { Stat } from "#ports/reader";

export type FakeNode = {
  type: Stat["type"];
  mode: number;
  uid: number;
  gid: number;
  ino: string;
  text: string;
};
/** A mount of the fake's table. `layers`: of an overlay, as keys of directories, topmost first; the first is upper. */
export type FakeMount = { -readonly [K in keyof MountEntry]: MountEntry[K] } & {
  readonly unique: string;
  readonly layers?: readonly string[];
};
type Where = { readonly mount: FakeMount; readonly inner: AbsPath };

const key = (dev: string, path: string): string => `${dev} ${path}`;
const ROOT_DEV = "8:1";
export const ROOT: Ownership = { mode: 0o755, uid: 0, gid: 0 };

/** File systems and one mount table, in memory: enough of them that what is mounted hides what is below, and binds show their source. */
export class FakeDisk {
  nodes: Map<string, FakeNode> = new Map();
  table: FakeMount[] = [];
  #next = 100;

  constructor() {
    this.mount({ dev: ROOT_DEV, root: "/", point: "/", type: "ext4", source: "/dev/sda1" });
    this.newFileSystem(ROOT_DEV, 0o755);
  }

  number(): string {
    return `${this.#next++}`;
  }

  newFileSystem(dev: string, mode: number): void {
    this.nodes.set(key(dev, "/"), this.newNode("dir", { mode, uid: 0, gid: 0 }));
  }

  newNode(type: FakeNode["type"], owner: Ownership, text = ""): FakeNode {
    return { type, ...owner, ino: this.number(), text };
  }

  /** Adds a line to the mount table; what is at the point already is covered. */
  mount(
    what: Pick<MountEntry, "dev" | "root" | "point" | "type" | "source"> & Partial<FakeMount>,
  ): FakeMount {
    const parent = this.table.length === 0 ? "1" : this.where(what.point as AbsPath).mount.id;
    const id = this.number();
    const entry: FakeMount = {
      options: ["rw"],
      propagation: [],
      superOptions: ["rw"],
      ...what,
      id,
      parent,
      unique: `9${id}`,
    };
    this.table.push(entry);
    return entry;
  }

  /** The mount a path leads to and the path within it: from the root, at each mount the nearest point on the way. */
  where(path: AbsPath): Where {
    let mount = this.table[0]!;
    for (let next: FakeMount | undefined = mount; next !== undefined;) {
      mount = next;
      const on: readonly FakeMount[] = this.table.filter(
        (m) => m.parent === mount.id && isWithin(m.point, path),
      );
      next = on.toSorted((a, b) => a.point.length - b.point.length)[0];
    }
    return {
      mount,
      inner: join(mount.root as AbsPath, path.slice(mount.point === "/" ? 0 : mount.point.length)),
    };
  }

  /** Keys a path stands for: one, or in an overlay one for each layer. */
  keys(path: AbsPath): readonly string[] {
    const { mount, inner } = this.where(path);
    return mount.layers === undefined
      ? [key(mount.dev, inner)]
      : mount.layers.map((layer) => below(layer, inner));
  }

  node(path: AbsPath): FakeNode | undefined {
    return this.keys(path)
      .map((k) => this.nodes.get(k))
      .find((n) => n !== undefined);
  }

  /** Follows symlinks in all components; undefined where one is missing. */
  real(path: AbsPath, hops = 0): AbsPath | undefined {
    let at = "/" as AbsPath;
    for (const name of path.split("/").filter(Boolean)) {
      const next = join(at, name);
      const node = this.node(next);
      if (node === undefined || hops > 40) return undefined;
      const to =
        node.type === "symlink"
          ? this.real(node.text.startsWith("/") ? (node.text as AbsPath) : join(at, node.text), hops + 1)
          : next;
      if (to === undefined) return undefined;
      at = to;
    }
    return at;
  }

  put(path: AbsPath, node: FakeNode): void {
    const parent = this.node(parentOf(path));
    if (parent === undefined) throw new KernelError(`open(${path})`, "ENOENT");
    if (parent.type !== "dir") throw new KernelError(`open(${path})`, "ENOTDIR");
    const [top] = this.keys(path);
    // In an overlay the parents may exist in a lower layer alone.
    for (let dir = parentOf(path), at = up(top!); !this.nodes.has(at); dir = parentOf(dir), at = up(at)) {
      this.nodes.set(at, { ...this.node(dir)! });
    }
    this.nodes.set(top!, node);
  }

  names(path: AbsPath): readonly string[] {
    return [...new Set(this.keys(path).flatMap((k) => this.childrenOf(k)))];
  }

  childrenOf(dirKey: string): readonly string[] {
    const prefix = dirKey.endsWith(" /") ? dirKey : `${dirKey}/`;
    return [...this.nodes.keys()].flatMap((k) => {
      const rest = k.startsWith(prefix) && k !== dirKey ? k.slice(prefix.length) : "";
      return rest === "" || rest.includes("/") ? [] : [rest];
    });
  }

  /** A directory with all that is in it under another key; what is there must not be. */
  rename(from: string, to: string): void {
    if (this.nodes.has(to)) throw new KernelError(`renameat(${from}, ${to})`, "EEXIST");
    for (const [at, node] of this.nodes) {
      if (at !== from && !at.startsWith(`${from}/`)) continue;
      this.nodes.delete(at);
      this.nodes.set(to + at.slice(from.length), node);
    }
  }

  /** Removes what one key names; EBUSY while something is mounted on it, ENOTEMPTY while it has children. */
  remove(at: string): void {
    if (!this.nodes.has(at)) throw new KernelError(`unlinkat(${at})`, "ENOENT");
    if (this.table.some((m) => m.parent !== "1" && this.#pointKeys(m).includes(at)))
      throw new KernelError(`unlinkat(${at})`, "EBUSY");
    if (this.childrenOf(at).length > 0) throw new KernelError(`unlinkat(${at})`, "ENOTEMPTY");
    this.nodes.delete(at);
  }

  #pointKeys(m: FakeMount): readonly string[] {
    const parent = this.table.find((p) => p.id === m.parent);
    if (parent === undefined) return [];
    const inner = join(parent.root as AbsPath, m.point.slice(parent.point === "/" ? 0 : parent.point.length));
    return parent.layers === undefined
      ? [key(parent.dev, inner)]
      : parent.layers.map((layer) => below(layer, inner));
  }

  dir(path: string, mode = 0o755): void {
    const missing: AbsPath[] = [];
    for (let at = path as AbsPath; this.node(at) === undefined; at = parentOf(at)) missing.unshift(at);
    for (const at of missing) this.put(at, this.newNode("dir", { ...ROOT, mode }));
  }

  file(path: string, text = "", mode = 0o644): void {
    this.dir(parentOf(path as AbsPath));
    this.put(path as AbsPath, this.newNode("file", { ...ROOT, mode }, text));
  }

  link(path: string, to: string): void {
    this.dir(parentOf(path as AbsPath));
    this.put(path as AbsPath, this.newNode("symlink", { ...ROOT, mode: 0o777 }, to));
  }

  /** A tmpfs at an existing directory. */
  tmpfs(at: string, source: string, mode = 0o755): FakeMount {
    const dev = `0:${this.number()}`;
    this.newFileSystem(dev, mode);
    return this.mount({ dev, root: "/", point: at, type: "tmpfs", source });
  }

  bind(source: string, at: string): FakeMount {
    const { mount, inner } = this.where(source as AbsPath);
    if (this.node(source as AbsPath) === undefined) throw new KernelError(`open_tree(${source})`, "ENOENT");
    const { dev, type, source: from, superOptions, layers } = mount;
    return this.mount({
      dev,
      root: inner,
      point: at,
      type,
      source: from,
      superOptions,
      ...(layers === undefined ? {} : { layers }),
    });
  }

  /** A mount and all that hang on it. */
  tree(top: FakeMount): readonly FakeMount[] {
    const ids = new Set([top.id]);
    for (const m of this.table) if (ids.has(m.parent)) ids.add(m.id);
    return this.table.filter((m) => ids.has(m.id));
  }

  mountinfo(): string {
    return this.table.map((m) => `${line(m)}\n`).join("");
  }
}

function below(layer: string, inner: string): string {
  return inner === "/" ? layer : `${layer.endsWith(" /") ? layer.slice(0, -1) : layer}${inner}`;
}

function up(at: string): string {
  const [dev, path] = [at.slice(0, at.indexOf(" ")), at.slice(at.indexOf(" ") + 1)];
  return key(dev, path === `/${baseName(path)}` ? "/" : parentOf(path as AbsPath));
}

function line(m: FakeMount): string {
  const optional = m.propagation.length > 0 ? `${m.propagation.join(" ")} ` : "";
  const supers = m.superOptions.map((o) => escapePath(o).replaceAll(",", "\\054")).join(",");
  return `${m.id} ${m.parent} ${m.dev} ${escapePath(m.root)} ${escapePath(m.point)} ${m.options.join(",")} ${optional}- ${m.type} ${escapePath(m.source)} ${supers}`;
}
