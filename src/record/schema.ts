import {
  type Check,
  dictionary,
  flag,
  kinds,
  list,
  matching,
  number,
  object,
  oneOf,
  path,
  text,
  whole,
} from "./shape.ts";

/** The stored form of model/record.ts, model/resource.ts and model/spec.ts. */
const device = matching(/^\d+:\d+$/, "a device number");
const digits = matching(/^\d+$/, "a decimal number");
const inode = object({ dev: device, ino: digits });
const stamp = object({ dev: device, ino: digits, size: whole, mtime: digits, ctime: digits });
const recipe = kinds({
  archive: object({
    archive: path,
    compression: oneOf("none", "gzip", "xz", "zstd", "bzip2"),
    stamp,
  }),
  host: object({ entries: list(object({ path, type: oneOf("file", "symlink") })) }),
});
const layer = object({ source: text, path, inode }, { digest: text, recipe });
const owner = object({ mode: whole, uid: whole, gid: whole });
const onOff = oneOf("on", "off");
const overlayOptions = object(
  {},
  {
    index: onOff,
    metacopy: onOff,
    redirect_dir: oneOf("on", "off", "follow", "nofollow"),
    xino: oneOf("on", "off", "auto"),
    volatile: flag,
  },
);
const access = oneOf("ro", "rw");

const resource: Check = kinds({
  rootfs: object({ address: text, layer }),
  layer: object({ address: text, index: whole, layer }),
  overlay: object({
    address: text,
    lowers: list(layer),
    upper: kinds({ disk: object({}), tmpfs: object({ bytes: digits }), none: object({}) }),
    options: overlayOptions,
    init: object({ hostname: text, resolv: oneOf("host", "none") }),
    root: owner,
  }),
  volume: object(
    {
      address: text,
      target: path,
      source: text,
      path,
      type: oneOf("dir", "file"),
      access,
      recursive: flag,
      options: list(text),
    },
    {
      inode,
      create: object({ dirs: list(path), owner }),
      owner: object({ uid: whole, gid: whole, as: object({ uid: whole, gid: whole }) }),
    },
  ),
  tmpfs: object({ address: text, target: path, mode: whole }, { bytes: digits }),
  limit: object({
    address: text,
    name: oneOf("memory", "swap", "cpuset", "cpuset_mems", "cpus", "cpu_shares", "pids"),
    value: text,
  }),
});

const source: Check = kinds({
  path: object({ path: text }),
  dir: object({ path: text }),
  archive: object({ path: text }, { sha256: text }),
  host: object({ programs: list(text) }, { nss: flag, locales: list(text) }),
  oci: object({ path: text }),
  image: object({ reference: text }),
  debian: object({ suite: text, include: list(text) }, { mirror: text }),
  squashfs: object({ path: text }),
  erofs: object({ path: text }),
  from: object({ env: text, snapshot: text }),
});

const spec: Check = object({
  name: text,
  rootfs: source,
  lowers: list(source),
  overlay: object({
    upper: kinds({ disk: object({}), tmpfs: object({ size: whole }), none: object({}) }),
    options: overlayOptions,
  }),
  volumes: list(
    object(
      { source: text, target: path, access, recursive: flag, options: list(text) },
      { owner: oneOf("caller") },
    ),
  ),
  tmpfs: list(object({ target: path, mode: whole }, { size: whole })),
  limits: object(
    {},
    {
      memory: whole,
      swap: whole,
      cpuset: text,
      cpuset_mems: text,
      cpus: number,
      cpu_shares: whole,
      pids: whole,
    },
  ),
  entry: object(
    {
      env: dictionary(
        kinds({
          literal: object({ value: text }),
          variable: object({ value: text }),
          passthrough: object({}),
        }),
      ),
      workdir: text,
      hostname: text,
      network: oneOf("none", "host"),
      init: flag,
      capabilities: object({ drop: list(text), add: list(text) }),
    },
    {
      command: list(text),
      user: text,
      ready: object({
        probe: kinds({
          tcp: object({ port: whole }),
          exec: object({ command: list(text) }),
          file: object({ path: text }),
        }),
        timeoutMs: whole,
      }),
    },
  ),
});

/** What is wrong with a stored record whose checksum is right. */
export const checkRecord: Check = object(
  {
    serial: whole,
    version: text,
    lineage: matching(/^[0-9a-f]{8}$/, "eight hex digits"),
    id: text,
    name: text,
    file: path,
    text,
    variables: list(object({ name: text }, { hash: text })),
    salt: text,
    spec,
    phase: oneOf("applying", "applied", "destroying", "kept", "running"),
    boot: text,
    mountNamespace: digits,
    resources: list(resource),
    mounts: dictionary(object({ id: digits, dev: device, point: path }, { unique: digits })),
    cgroups: list(object({ dir: path, version: oneOf(1, 2), controllers: list(text) })),
  },
  {
    previous: list(resource),
    former: list(object({ dev: device, point: path })),
    pidNamespace: digits,
    appliedAt: whole,
    pid: whole,
  },
);
