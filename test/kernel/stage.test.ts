import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import test from "node:test";
import { join } from "#model/brand";
import { CLONE } from "#kernel/flags";
import { linuxMounts } from "#kernel/mounts";
import { inNamespaces } from "#kernel/namespace";
import { mountsAt, mountTable, scratch, surroundings } from "./fixture.ts";

const mounts = linuxMounts();
// The first call loads the FFI, which opens nothing for good; the second is what is counted.
mounts.stage(() => undefined);

test("what is mounted on a stage is seen there and leaves nothing on the host", (t) => {
  const dir = scratch(t);
  const before = surroundings(dir);
  const seen = mounts.stage((stage) => {
    stage.tmpfs(dir, { tag: "envctl:test", bytes: "1048576", mode: 0o1777 });
    writeFileSync(`${dir}/inside`, "x");
    return {
      row: mountsAt(dir)[0]!,
      mode: lstatSync(dir).mode & 0o7777,
      shared: mountTable().filter((row) => /shared:/.test(row.optional)),
    };
  });
  assert.deepEqual(surroundings(dir), before);
  assert.equal(seen.row.type, "tmpfs");
  assert.equal(seen.row.source, "envctl:test");
  assert.match(seen.row.options, /nosuid,nodev/);
  assert.match(seen.row.superOptions, /size=1024k/);
  assert.equal(seen.mode, 0o1777);
  assert.deepEqual(seen.shared, [], "nothing on a stage is shared with the host");
  assert.throws(() => lstatSync(`${dir}/inside`), { code: "ENOENT" });
});

test("a failure in the middle of a stage puts everything back: mounts, root, cwd, descriptors", (t) => {
  const dir = scratch(t);
  const before = surroundings(dir);
  assert.throws(
    () =>
      mounts.stage((stage) => {
        stage.tmpfs(dir, { tag: "x", mode: 0o755 });
        process.chdir(dir);
        stage.unmount(join(dir, "missing"));
      }),
    { name: "KernelError", errno: "ENOENT" },
  );
  process.chdir(process.cwd());
  assert.deepEqual(surroundings(dir), before);
  assert.throws(() => mounts.stage(() => mounts.stage(() => 1)), /already/);
  assert.deepEqual(surroundings(dir), before);
});

test("a place is never reached through a symlink", (t) => {
  const dir = scratch(t);
  mkdirSync(`${dir}/real/sub`, { recursive: true });
  symlinkSync("real", `${dir}/link`);
  const refused = { name: "KernelError", errno: "ELOOP" };
  mounts.stage((stage) => {
    assert.throws(() => stage.tmpfs(join(dir, "link"), { tag: "x", mode: 0o755 }), refused);
    assert.throws(() => stage.take(join(dir, "link/sub")), refused);
  });
});

test("targets, files and links are made inside a root, whatever the symlinks there say and whatever the umask is", (t) => {
  const dir = scratch(t);
  const root = join(dir, "root");
  mkdirSync(`${root}/etc`, { recursive: true });
  mkdirSync(`${dir}/host`);
  for (const [to, at] of [
    ["/etc", "abs"],
    ["../../../../etc", "up"],
    ["/host/made", "dangling"],
    ["loop", "loop"],
  ] as const)
    symlinkSync(to, `${root}/${at}`);
  const umask = process.umask(0o077);
  try {
    mounts.stage((stage) => {
      stage.makeTarget(root, "/abs/one/two", "dir");
      stage.makeTarget(root, "/up/file", "file");
      stage.makeTarget(root, "/dangling", "dir");
      stage.makeTarget(root, "a/../../../b", "dir");
      stage.writeIn(root, "/up/name", "text");
      stage.linkIn(root, "/abs/name2", "/proc/mounts");
      stage.writeIn(root, "/dangling/../was", "old");
      stage.linkIn(root, "/host/was", "x");
      stage.writeIn(root, "/host/was", "new");
      assert.throws(() => stage.makeTarget(root, "/loop/x", "dir"), { errno: "ELOOP" });
      assert.throws(() => stage.writeIn(root, "/etc/one", ""), { errno: "EISDIR" });
    });
  } finally {
    process.umask(umask);
  }
  const mode = (path: string): number => lstatSync(`${root}/${path}`).mode & 0o7777;
  assert.equal(mode("etc/one/two"), 0o755);
  assert.equal(mode("etc/one"), 0o755);
  assert.equal(mode("etc/file"), 0o644);
  assert.ok(lstatSync(`${root}/host/made`).isDirectory());
  assert.ok(lstatSync(`${root}/b`).isDirectory());
  assert.equal(readFileSync(`${root}/etc/name`, "utf8"), "text");
  assert.equal(mode("etc/name"), 0o644);
  assert.equal(readlinkSync(`${root}/etc/name2`), "/proc/mounts");
  assert.equal(readFileSync(`${root}/host/was`, "utf8"), "new");
  assert.equal(lstatSync(`${dir}/host/made`, { throwIfNoEntry: false }), undefined);
});

test("other namespaces come and go with a stage", () => {
  const before = surroundings("/proc");
  const kinds = CLONE.NEWUTS | CLONE.NEWIPC | CLONE.NEWNET | CLONE.NEWPID | CLONE.NEWCGROUP;
  const names = ["mnt", "uts", "ipc", "net", "pid_for_children", "cgroup"];
  const here = (): string[] => names.map((name) => readlinkSync(`/proc/thread-self/ns/${name}`, "utf8"));
  const home = here();
  // The link of pid_for_children cannot be read before the new namespace has its first process.
  const away = inNamespaces(kinds, () =>
    names
      .filter((name) => name !== "pid_for_children")
      .map((name) => readlinkSync(`/proc/thread-self/ns/${name}`)),
  );
  for (const namespace of away) assert.ok(!home.includes(namespace), namespace);
  assert.deepEqual(here(), home);
  assert.deepEqual(surroundings("/proc"), before);
});

test("who may not make namespaces is told of that call, each time anew", () => {
  const script = `
    import { linuxMounts } from "#kernel/mounts";
    const { stage } = linuxMounts();
    for (const _ of [1, 2])
      try {
        stage(() => undefined);
      } catch (error) {
        console.log(error.call ?? error.message, error.errno);
      }
  `;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const run = spawnSync("setpriv", ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", ...node], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  assert.equal(run.stdout, "unshare(CLONE_FS|CLONE_NEWNS) EPERM\n".repeat(2), run.stderr);
});

test("a caller in a chroot, whose root is no mount, keeps its root and working directory", (t) => {
  const dir = scratch(t);
  for (const name of ["proc", "place", "away"]) mkdirSync(`${dir}/jail/${name}`, { recursive: true });
  chmodSync(dir, 0o755);
  const script = `
    import { readdirSync, readlinkSync, readFileSync } from "node:fs";
    import { linuxMounts } from "#kernel/mounts";
    import { AT, AT_FDCWD, CLONE, MS } from "#kernel/flags";
    import { mount, mountSetattr } from "#kernel/syscalls-mount";
    import { chdir, chroot, unshare } from "#kernel/syscalls-process";
    const jail = ${JSON.stringify(`${dir}/jail`)};
    const mounts = linuxMounts();
    unshare(CLONE.FS | CLONE.NEWNS);
    mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { propagation: MS.PRIVATE });
    mount("/proc", jail + "/proc", null, MS.BIND | MS.REC);
    mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { propagation: MS.SHARED });
    chroot(jail);
    chdir("/away");
    const look = () => ({ root: readdirSync("/").sort(), up: readdirSync("/..").length, cwd: readlinkSync("/proc/thread-self/cwd"), table: readFileSync("/proc/thread-self/mountinfo").toString(), fds: readdirSync("/proc/self/fd").length });
    mounts.stage(() => undefined);
    const before = look();
    const shared = mounts.stage((stage) => {
      stage.tmpfs("/place", { tag: "t", mode: 0o755 });
      return { shared: / shared:/.test(readFileSync("/proc/thread-self/mountinfo").toString()), root: readdirSync("/").sort(), cwd: readlinkSync("/proc/thread-self/cwd") };
    });
    console.log(JSON.stringify({ before, after: look(), shared }));
  `;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  assert.equal(run.status, 0, run.stderr);
  const { before, after, shared } = JSON.parse(run.stdout) as Record<
    string,
    { root: string[]; cwd: string; shared?: boolean }
  >;
  assert.deepEqual(after, before);
  assert.deepEqual(before!.root, ["away", "place", "proc"]);
  assert.deepEqual(shared, { shared: false, root: ["away", "place", "proc"], cwd: "/away" });
});
