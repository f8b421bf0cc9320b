import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import test from "node:test";
import { join, type AbsPath } from "#model/brand";
import type { TmpfsResource, VolumeResource } from "#model/resource";
import { AT_FDCWD, MS } from "#kernel/flags";
import { linuxMounts } from "#kernel/mounts";
import { mount, mountSetattr } from "#kernel/syscalls-mount";
import { kernelSince, mountsAt, mountsBelow, scratch, surroundings } from "./fixture.ts";

const mounts = linuxMounts();

function volume(path: AbsPath, target: string, more: Partial<VolumeResource> = {}): VolumeResource {
  const plain = {
    kind: "volume",
    address: `v["${target}"]`,
    source: path,
    type: "dir",
    access: "rw",
    recursive: false,
  } as const;
  return { ...plain, options: ["nosuid", "nodev"], path, target, ...more };
}

function memory(target: string, more: Partial<TmpfsResource> = {}): TmpfsResource {
  return { kind: "tmpfs", address: `t["${target}"]`, target, mode: 0o1777, ...more };
}

/** A directory that is a shared mount, as on a host under systemd, and directories below it. */
function shared(dir: AbsPath, ...below: readonly string[]): AbsPath {
  mounts.tmpfs(dir, { tag: "test" });
  mountSetattr(AT_FDCWD, dir, 0, { propagation: MS.SHARED });
  for (const name of below) mkdirSync(join(dir, name), { recursive: true });
  return dir;
}

test("a tree taken from a stage is attached whole, at once, and told by its identity", (t) => {
  const dir = scratch(t);
  for (const name of ["build", "here"]) mkdirSync(join(dir, name));
  const tree = mounts.stage((stage) => {
    stage.tmpfs(join(dir, "build"), { tag: "outer", mode: 0o755 });
    stage.inner(join(dir, "build"), memory("/in/ner", { bytes: "65536" }));
    return stage.take(join(dir, "build"));
  });
  assert.deepEqual(mountsBelow(dir), []);
  const identity = mounts.attach(tree, join(dir, "here"));
  const row = mountsAt(`${dir}/here`)[0]!;
  assert.deepEqual(
    { id: row.id, dev: row.dev, source: row.source },
    { id: identity.id, dev: identity.dev, source: "outer" },
  );
  if (kernelSince(6, 8)) assert.match(identity.unique ?? "", /^\d{10,}$/);
  assert.deepEqual(mounts.identify(join(dir, "here")), identity);
  assert.match(mountsAt(`${dir}/here/in/ner`)[0]!.superOptions, /size=64k/);

  mounts.unmount(join(dir, "here/in/ner"));
  assert.deepEqual(
    mounts.identify(join(dir, "here/in/ner")),
    identity,
    "what lies there now is the outer mount",
  );
  mounts.unmount(join(dir, "here"));
  assert.deepEqual(mountsBelow(dir), []);
});

test("a tree that cannot be attached is closed, and nothing is left", (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, "build"));
  mounts.stage(() => undefined);
  const before = surroundings(dir);
  const tree = mounts.stage((stage) => stage.take(join(dir, "build")));
  assert.throws(() => mounts.attach(tree, join(dir, "none")), { name: "KernelError", errno: "ENOENT" });
  assert.deepEqual(surroundings(dir), before);
  tree.close();
});

test("volumes: access and options, plain or recursive, directories and files", (t) => {
  const dir = scratch(t);
  for (const name of ["root", "src"]) mkdirSync(join(dir, name));
  shared(join(dir, "src"), "sub");
  writeFileSync(`${dir}/src/file`, "text");
  mounts.tmpfs(join(dir, "src/sub"), { tag: "below" });
  writeFileSync(`${dir}/src/sub/deep`, "");
  const root = join(dir, "root");
  const src = join(dir, "src");
  const at = (target: string): string => mountsAt(join(root, target))[0]!.options;

  const made = mounts.inner(root, volume(src, "/ro", { access: "ro" }));
  assert.deepEqual(
    { id: made.id, point: made.point },
    { id: mountsAt(`${root}/ro`)[0]!.id, point: `${root}/ro` },
  );
  assert.match(at("/ro"), /^ro,nosuid,nodev/);
  assert.deepEqual(readdirSync(`${root}/ro/sub`), [], "what is mounted below the source does not come along");

  mounts.inner(
    root,
    volume(src, "/rec", { access: "ro", recursive: true, options: ["nosuid", "nodev", "noexec"] }),
  );
  assert.deepEqual(readdirSync(`${root}/rec/sub`), ["deep"]);
  assert.match(at("/rec/sub"), /^ro,nosuid,nodev,noexec/);
  assert.throws(() => writeFileSync(`${root}/rec/sub/x`, ""), { code: "EROFS" });
  writeFileSync(`${src}/sub/x`, "", { flag: "wx" });

  mounts.inner(root, volume(join(src, "file"), "/etc/one", { type: "file", access: "ro" }));
  assert.equal(readFileSync(`${root}/etc/one`, "utf8"), "text");

  mounts.inner(root, volume(join(src, "sub"), "/free", { options: ["suid", "dev"], access: "rw" }));
  assert.doesNotMatch(
    at("/free"),
    /nosuid|nodev/,
    "asked for by name, though the source's own mount forbids them",
  );

  for (const row of ["/ro", "/rec", "/etc/one", "/free"].map((target) => mountsAt(join(root, target))[0]!))
    assert.equal(row.optional, "");
  assert.throws(() => mounts.inner(root, volume(src, "/etc/one")), { name: "KernelError" });
  assert.throws(() => mounts.inner(root, volume(join(dir, "gone"), "/gone")), {
    name: "KernelError",
    errno: "ENOENT",
  });
  assert.equal(lstatSync(`${root}/gone`, { throwIfNoEntry: false }), undefined);
});

test("E25 a target through a symlink or `..` stays inside", (t) => {
  const dir = scratch(t);
  for (const name of ["root/real", "src", "outside"]) mkdirSync(join(dir, name), { recursive: true });
  symlinkSync("../../../outside", `${dir}/root/up`);
  symlinkSync(`${dir}/outside`, `${dir}/root/abs`);
  symlinkSync("/real", `${dir}/root/link`);
  const root = join(dir, "root");
  const point = (target: string): string => mounts.inner(root, volume(join(dir, "src"), target)).point;
  assert.equal(point("/link/a"), `${root}/real/a`);
  assert.equal(point("/up/b"), `${root}/outside/b`);
  assert.equal(point("/abs/c"), `${root}${dir}/outside/c`);
  assert.equal(point("/../../d"), `${root}/d`);
  assert.deepEqual(readdirSync(`${dir}/outside`), []);
});

test("a source that became a symlink meanwhile is refused", (t) => {
  const dir = scratch(t);
  for (const name of ["root", "src/a"]) mkdirSync(join(dir, name), { recursive: true });
  renameSync(`${dir}/src`, `${dir}/moved`);
  symlinkSync("/etc", `${dir}/src`);
  for (const path of ["src", "src/a"]) {
    assert.throws(() => mounts.inner(join(dir, "root"), volume(join(dir, path), "/v")), {
      name: "KernelError",
      errno: "ELOOP",
    });
  }
});

test("an anchor is shared in a peer group of its own, so that what is mounted on it does not multiply", (t) => {
  const top = scratch(t);
  for (const name of ["dir", "peer"]) mkdirSync(join(top, name));
  const dir = shared(join(top, "dir"), "envs");
  mount(dir, join(top, "peer"), null, MS.BIND);
  const group = (point: string): string => mountsAt(point).at(-1)!.optional;
  mounts.stage(() => undefined);
  const identity = mounts.anchor(join(dir, "envs"));
  const row = mountsAt(`${dir}/envs`).at(-1)!;
  assert.equal(row.id, identity.id);
  assert.match(row.optional, /^shared:\d+$/);
  assert.notEqual(row.optional, group(dir));
  mkdirSync(join(dir, "envs/one"));
  mounts.tmpfs(join(dir, "envs/one"), { tag: "x" });
  assert.equal(mountsBelow(dir).length, 3);
  assert.deepEqual(
    mountsBelow(join(top, "peer")),
    [`${top}/peer`, `${top}/peer/envs`],
    "the anchor alone is seen by peers of its parent",
  );
  mounts.unmount(join(dir, "envs/one"));
  mounts.unmount(join(dir, "envs"));
  assert.deepEqual(mountsBelow(dir), [dir]);
});

test("what is held is EBUSY, nothing there is EINVAL, lazily it goes", (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, "a"));
  mounts.tmpfs(join(dir, "a"), { tag: "x" });
  writeFileSync(`${dir}/a/open`, "");
  const fd = openSync(`${dir}/a/open`, constants.O_RDONLY);
  try {
    assert.throws(() => mounts.unmount(join(dir, "a")), {
      name: "KernelError",
      errno: "EBUSY",
      call: `umount2("${dir}/a", UMOUNT_NOFOLLOW)`,
    });
    mounts.unmount(join(dir, "a"), true);
    assert.deepEqual(mountsBelow(dir), []);
    assert.throws(() => mounts.unmount(join(dir, "a")), {
      errno: "EINVAL",
      hint: "nothing is mounted there now",
    });
  } finally {
    closeSync(fd);
  }
});

test("unmounting follows no symlink, neither at the end nor above", (t) => {
  const dir = scratch(t);
  mkdirSync(join(dir, "real/mount"), { recursive: true });
  mounts.tmpfs(join(dir, "real/mount"), { tag: "x" });
  symlinkSync("real", `${dir}/link`);
  symlinkSync("mount", `${dir}/real/link`);
  assert.throws(() => mounts.unmount(join(dir, "link/mount")), { errno: "ELOOP" });
  assert.throws(() => mounts.unmount(join(dir, "real/link")), { errno: "EINVAL" });
  assert.deepEqual(mountsBelow(dir), [`${dir}/real/mount`]);
});
