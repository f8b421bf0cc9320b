import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import test from "node:test";
import { type AbsPath, join } from "#model/brand";
import { linuxFiles } from "#kernel/files";
import { AT_FDCWD, O } from "#kernel/flags";
import { linuxMounts } from "#kernel/mounts";
import { openat } from "#kernel/syscalls-file";
import { scratch } from "./fixture.ts";

const files = linuxFiles();

/** With an umask that would take everything away. */
function masked<T>(run: () => T): T {
  const umask = process.umask(0o777);
  try {
    return run();
  } finally {
    process.umask(umask);
  }
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777;
const openFiles = (): number => readdirSync("/proc/self/fd").length;

test("directories are made with exactly the mode and owner asked for", (t) => {
  const dir = scratch(t);
  const owner = { mode: 0o2751, uid: 1234, gid: 4321 };
  const before = openFiles();
  assert.equal(
    masked(() => files.makeDir(join(dir, "new"), owner)),
    true,
  );
  const made = lstatSync(`${dir}/new`);
  assert.deepEqual({ mode: made.mode & 0o7777, uid: made.uid, gid: made.gid }, owner);
  assert.equal(files.makeDir(join(dir, "new"), { mode: 0o700, uid: 0, gid: 0 }), false);
  assert.equal(modeOf(`${dir}/new`), 0o2751, "what exists stays as it is");

  symlinkSync("new", `${dir}/link`);
  writeFileSync(`${dir}/file`, "");
  for (const name of ["link", "file"])
    assert.throws(() => files.makeDir(join(dir, name), owner), { name: "KernelError", errno: "ENOTDIR" });
  assert.throws(
    () => files.makeDir(join(dir, "link/below"), owner),
    { errno: "ELOOP" },
    "the parent is not followed either",
  );
  mkdirSync(`${dir}/new/deep`);
  for (const act of [files.removeDir, (path: AbsPath) => files.makeDir(path, owner)])
    for (const name of ["link/deep/below", "link/deep"])
      assert.throws(() => act(join(dir, name)), { errno: "ELOOP" }, "nor is anything on the way to it");
  assert.deepEqual(readdirSync(`${dir}/new/deep`), []);
  rmdirSync(`${dir}/new/deep`);
  assert.throws(() => files.makeDir(join(dir, "none/below"), owner), { errno: "ENOENT" });
  files.setOwnership(join(dir, "new"), { mode: 0o1777, uid: 5, gid: 6 });
  assert.deepEqual(
    [modeOf(`${dir}/new`), lstatSync(`${dir}/new`).uid, lstatSync(`${dir}/new`).gid],
    [0o1777, 5, 6],
  );
  assert.throws(() => files.setOwnership(join(dir, "link"), owner), { name: "KernelError" });
  assert.equal(modeOf(`${dir}/new`), 0o1777);
  files.removeDir(join(dir, "new"));
  assert.throws(() => files.removeDir(join(dir, "file")), { errno: "ENOTDIR" });
  assert.deepEqual(readdirSync(dir).sort(), ["file", "link"]);
  assert.equal(openFiles(), before);
});

test("a replaced file is the old or the new one, never a part, and its leftovers go", (t) => {
  const dir = scratch(t);
  const path = join(dir, "env.json");
  masked(() => files.replaceFile(path, "one"));
  assert.equal(modeOf(path), 0o600);
  const inode = statSync(path).ino;
  writeFileSync(`${dir}/.env.json.new`, "left by a crash");
  files.replaceFile(path, "zweiß");
  assert.equal(readFileSync(path, "utf8"), "zweiß");
  assert.notEqual(statSync(path).ino, inode);
  assert.deepEqual(readdirSync(dir), ["env.json"]);

  mkdirSync(`${dir}/blocked/x`, { recursive: true });
  assert.throws(() => files.replaceFile(join(dir, "blocked"), "text"), {
    name: "KernelError",
    errno: "EISDIR",
  });
  assert.deepEqual(readdirSync(dir).sort(), ["blocked", "env.json"]);

  writeFileSync(`${dir}/.env.json.new`, "left by a crash");
  files.removeFile(path);
  assert.deepEqual(readdirSync(dir), ["blocked"]);
  writeFileSync(`${dir}/.env.json.new`, "left by a crash");
  files.removeFile(path);
  assert.deepEqual(readdirSync(dir), ["blocked"]);
});

test("replaced aside: the same, while others go on, and nothing is left of one that is refused", async (t) => {
  const dir = scratch(t);
  const path = join(dir, "env.json");
  const open = openFiles();
  const many = Array.from({ length: 20 }, (_, n) => files.replaceFileAside(join(dir, `f${n}`), `${n}`));
  const under = masked(() => files.replaceFileAside(path, "one"));
  assert.ok(!readdirSync(dir).includes("env.json"), "it waits for the disk");
  await Promise.all([...many, under]);
  assert.deepEqual([readFileSync(path, "utf8"), modeOf(path)], ["one", 0o600]);
  assert.equal(readdirSync(dir).length, 21);

  mkdirSync(`${dir}/blocked/x`, { recursive: true });
  await assert.rejects(files.replaceFileAside(join(dir, "blocked"), "text"), {
    name: "KernelError",
    errno: "EISDIR",
    call: /^rename\(/,
  });
  assert.ok(!readdirSync(dir).includes(".blocked.new"));
  assert.equal(openFiles(), open);
});

test("a full file system leaves the old file and nothing beside it", (t) => {
  const dir = scratch(t);
  linuxMounts().stage((stage) => {
    stage.tmpfs(dir, { tag: "small", bytes: "65536", mode: 0o755 });
    files.replaceFile(join(dir, "f"), "old");
    assert.throws(() => files.replaceFile(join(dir, "f"), "x".repeat(200_000)), {
      name: "KernelError",
      errno: "ENOSPC",
      hint: /df -h/,
    });
    assert.equal(readFileSync(`${dir}/f`, "utf8"), "old");
    assert.deepEqual(readdirSync(dir), ["f"]);
  });
});

test("writeFile sets text and mode and never writes through a symlink", (t) => {
  const dir = scratch(t);
  const path = join(dir, "f");
  writeFileSync(path, "longer than what follows");
  masked(() => files.writeFile(path, "short", 0o644));
  assert.deepEqual([readFileSync(path, "utf8"), modeOf(path)], ["short", 0o644]);
  symlinkSync("f", `${dir}/link`);
  assert.throws(() => files.writeFile(join(dir, "link"), "x", 0o644), {
    name: "KernelError",
    errno: "ELOOP",
  });
  assert.equal(readFileSync(path, "utf8"), "short");
});

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** Empties a directory by the walk alone, as guard does. */
function empty(fd: number): void {
  const { walk } = files;
  walk.makeWritable(fd);
  for (const { name, type } of walk.entries(fd)) {
    if (type !== "dir") {
      walk.unlink(fd, name, false);
      continue;
    }
    const below = walk.openDir(fd, name);
    try {
      empty(below);
    } finally {
      walk.close(below);
    }
    walk.unlink(fd, name, true);
  }
}

test("a walk takes deep trees and names that are not UTF-8, and leaves what symlinks lead to", (t) => {
  const dir = scratch(t);
  for (const name of ["tree", "outside"]) mkdirSync(join(dir, name));
  writeFileSync(`${dir}/outside/kept`, "");
  symlinkSync(`${dir}/outside`, `${dir}/tree/link`);
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/tree/`), bytes("\xff\xfe \n")]), "");
  const name = "d".repeat(200);
  const was = process.cwd();
  process.chdir(`${dir}/tree`);
  for (let n = 0; n < 25; n++) {
    mkdirSync(name);
    process.chdir(name);
  }
  writeFileSync("deep", "");
  process.chdir(was);
  const before = openFiles();
  const fd = files.walk.view(join(dir, "tree"));
  empty(fd);
  files.walk.close(fd);
  assert.deepEqual(readdirSync(`${dir}/tree`), []);
  assert.deepEqual(readdirSync(`${dir}/outside`), ["kept"]);
  assert.equal(openFiles(), before);
});

test("a walk never enters a mount at or below its place, and a mount point stays", (t) => {
  const dir = scratch(t);
  const mounts = linuxMounts();
  for (const name of ["tree/mount", "tree/bind", "other"]) mkdirSync(join(dir, name), { recursive: true });
  for (const name of ["other/kept", "tree/below"]) writeFileSync(join(dir, name), "");
  mounts.tmpfs(join(dir, "tree/mount"), { tag: "x" });
  writeFileSync(`${dir}/tree/mount/kept`, "");
  const plain = {
    kind: "volume",
    address: "v",
    source: "other",
    type: "dir",
    access: "rw",
    recursive: false,
    options: [],
  } as const;
  mounts.inner(dir, { ...plain, path: join(dir, "other"), target: "/tree/bind" });
  mounts.tmpfs(join(dir, "tree"), { tag: "over" });
  writeFileSync(`${dir}/tree/kept`, "");

  const fd = files.walk.view(join(dir, "tree"));
  const names = files.walk
    .entries(fd)
    .map((entry) => Buffer.from(entry.name).toString())
    .sort();
  assert.deepEqual(names, ["below", "bind", "mount"], "the directory itself, not what covers it");
  for (const name of ["mount", "bind"]) {
    const below = files.walk.openDir(fd, bytes(name));
    assert.deepEqual(files.walk.entries(below), []);
    files.walk.close(below);
    assert.throws(() => files.walk.unlink(fd, bytes(name), true), { name: "KernelError", errno: "EBUSY" });
  }
  files.walk.close(fd);
  assert.deepEqual(readdirSync(`${dir}/tree`), ["kept"]);
  mounts.unmount(join(dir, "tree"));
  assert.deepEqual(readdirSync(`${dir}/tree/mount`), ["kept"]);
  assert.deepEqual(readdirSync(`${dir}/tree/bind`), ["kept"]);
});

test("openDir stays on its mount and follows nothing", (t) => {
  const dir = scratch(t);
  for (const name of ["tree/mount", "tree/real"]) mkdirSync(join(dir, name), { recursive: true });
  symlinkSync("real", `${dir}/tree/link`);
  linuxMounts().tmpfs(join(dir, "tree/mount"), { tag: "x" });
  const view = files.walk.view(dir);
  const tree = files.walk.openDir(view, bytes("tree"));
  assert.throws(() => files.walk.openDir(tree, bytes("link")), {
    name: "KernelError",
    errno: /ELOOP|ENOTDIR/,
  });
  assert.throws(() => files.walk.openDir(tree, bytes("..")), { errno: "EXDEV" });
  files.walk.close(tree);
  files.walk.close(view);
  const live = openat(AT_FDCWD, join(dir, "tree"), O.PATH);
  assert.throws(() => files.walk.openDir(live, bytes("mount")), { name: "KernelError", errno: "EXDEV" });
  files.walk.close(live);
});
