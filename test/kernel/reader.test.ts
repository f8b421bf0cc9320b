import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { arch } from "node:os";
import test from "node:test";
import { join, type AbsPath } from "#model/brand";
import { deviceText } from "#kernel/stat";
import { linuxMounts } from "#kernel/mounts";
import { linuxReader } from "#kernel/reader";
import { kernelSince, mountsAt, mountTable, scratch } from "./fixture.ts";

const reader = linuxReader({ uid: 0, pid: process.pid });
const NONE = "/nonexistent/x" as AbsPath;

test(
  "a file system is there as long as somebody uses it, mounted or not",
  { skip: arch() !== "x64" && "needs ustat(2): x86_64" },
  (t) => {
    const mounts = linuxMounts();
    const remains = (): boolean | undefined => {
      const dir = scratch(t);
      const { dev } = mounts.tmpfs(dir, { tag: "held" });
      assert.equal(reader.hasFileSystem(dev), true);
      const fd = openSync(dir, "r");
      mounts.unmount(dir, true);
      assert.equal(reader.hasFileSystem(dev), true, "an open directory holds it");
      closeSync(fd);
      // Copies of the mount in namespaces that others made meanwhile go with the directory.
      rmdirSync(dir);
      return reader.hasFileSystem(dev);
    };
    // A number that is free is the next file system's, which somebody else may make at this moment.
    const answers = Array.from({ length: 10 }, remains);
    assert.ok(answers.includes(false), answers.join());
    assert.equal(reader.hasFileSystem(reader.stat("/" as AbsPath)!.dev), true);
  },
);

test("what is missing is undefined, what is refused is an error that prints the call", (t) => {
  const dir = scratch(t);
  writeFileSync(`${dir}/file`, "text ß");
  symlinkSync("loop", `${dir}/loop`);
  for (const path of [NONE, join(dir, "file/below"), `/proc/4194304/cwd` as AbsPath]) {
    for (const read of [
      reader.textAny,
      reader.listAny,
      reader.stat,
      reader.lstat,
      reader.readlink,
      reader.realpath,
      reader.mountId,
      reader.uniqueMountId,
    ]) {
      assert.equal(read(path), undefined, `${read.name} ${path}`);
    }
  }
  assert.equal(reader.text(join(dir, "file")), "text ß");
  assert.deepEqual(Buffer.from(reader.bytes(join(dir, "file"))), Buffer.from("text ß"));
  assert.deepEqual([...reader.list(dir)].sort(), ["file", "loop"]);
  assert.equal(reader.readlink(join(dir, "loop")), "loop");
  assert.throws(() => reader.text(NONE), { name: "KernelError", call: `open("${NONE}")`, errno: "ENOENT" });
  assert.throws(() => reader.textAny(dir), { name: "KernelError", errno: "EISDIR" });
  assert.throws(() => reader.stat(join(dir, "loop")), {
    name: "KernelError",
    call: `stat("${dir}/loop")`,
    errno: "ELOOP",
  });
  assert.throws(() => reader.readlink(join(dir, "file")), { name: "KernelError", errno: "EINVAL" });
});

test("stat tells all there is, with devices as mountinfo prints them", (t) => {
  const dir = scratch(t);
  const path = join(dir, "file");
  writeFileSync(path, "12345");
  chmodSync(path, 0o4755);
  linkSync(path, `${dir}/twin`);
  utimesSync(path, 1, 1.5);
  symlinkSync("file", `${dir}/link`);
  const stat = reader.stat(join(dir, "link"))!;
  const plain = { type: "file", mode: 0o4755, uid: 0, gid: 0, size: 5, nlink: 2, mtimeNs: 1_500_000_000n };
  assert.deepEqual(
    { ...stat, dev: 0, ino: 0, rdev: 0, ctimeNs: 0 },
    { ...plain, dev: 0, ino: 0, rdev: 0, ctimeNs: 0 },
  );
  assert.equal(stat.ino, String(lstatSync(path).ino));
  assert.equal(reader.lstat(join(dir, "link"))!.type, "symlink");
  assert.equal(reader.stat("/dev/null" as AbsPath)!.rdev, "1:3");
  assert.equal(reader.stat("/dev/null" as AbsPath)!.type, "char");
  assert.equal(reader.stat("/proc" as AbsPath)!.dev, mountsAt("/proc").at(-1)!.dev);
  assert.equal(
    deviceText((0x12n << 8n) | 0x34n | (0xabcden << 20n) | (0x7n << 44n)),
    `${0x7000 + 0x12}:${0xabcde00 + 0x34}`,
  );
});

test("mount ids: the small one is mountinfo's, the unique one differs for every mount there ever was", (t) => {
  const dir = scratch(t);
  assert.equal(reader.mountId("/proc" as AbsPath), mountsAt("/proc").at(-1)!.id);
  assert.equal(reader.mountId("/proc/self/ns/../cmdline" as AbsPath), mountsAt("/proc").at(-1)!.id);
  assert.ok(mountTable().some((row) => row.id === reader.mountId("/proc/self/cwd" as AbsPath)));
  const mounts = linuxMounts();
  const ids = [0, 1].map(() => {
    mounts.tmpfs(dir, { tag: "x" });
    const ids = { id: reader.mountId(dir), unique: reader.uniqueMountId(dir) };
    const { id, unique } = mounts.identify(dir);
    assert.deepEqual({ id, unique }, ids);
    mounts.unmount(dir);
    return ids.unique;
  });
  assert.ok(kernelSince(6, 8) ? ids[0] !== ids[1] : ids.every((id) => id === undefined), String(ids));
});

test("below a root nothing leads outside: links, dots, magic links", (t) => {
  const dir = scratch(t);
  const root = join(dir, "root");
  mkdirSync(`${root}/etc`, { recursive: true });
  writeFileSync(`${root}/etc/passwd`, "inside");
  writeFileSync(`${dir}/secret`, "outside");
  const links = {
    abs: "/etc/passwd",
    up: "../../../etc/passwd",
    out: `${dir}/secret`,
    dir: "etc",
    chain: "dir/../abs",
    loop: "loop",
    dots: "../../secret",
    "etc/deep": "/etc/passwd",
  };
  for (const [name, to] of Object.entries(links)) symlinkSync(to, `${root}/${name}`);
  const open = readdirSync("/proc/self/fd").length;
  for (const path of [
    "etc/passwd",
    "/etc/passwd",
    "abs",
    "up",
    "dir/passwd",
    "chain",
    "../etc/./passwd",
    "etc/../../../etc/passwd",
    "etc/deep",
  ]) {
    assert.equal(reader.textIn(root, path), "inside", path);
    assert.equal(reader.statIn(root, path)?.size, 6, path);
  }
  for (const path of ["out", "dots", "none", "etc/passwd/x", "etc", "/"])
    assert.equal(reader.textIn(root, path), undefined, path);
  assert.equal(reader.statIn(root, "/")?.type, "dir");
  assert.equal(reader.statIn(root, "out"), undefined);
  assert.throws(() => reader.statIn(root, "loop"), { name: "KernelError", errno: "ELOOP" });
  assert.equal(reader.textIn(join(dir, "none"), "x"), undefined);
  assert.equal(readdirSync("/proc/self/fd").length, open);
  // A magic link of /proc, seen as a root of its own: its text is walked, never the jump itself.
  assert.equal(reader.textIn("/proc/self" as AbsPath, "cwd/package.json"), undefined);
});

test("sha256 is the same for small and large, text and bytes", () => {
  for (const size of [0, 3, 16 * 1024, 16 * 1024 + 1, 300_000]) {
    const text = "ü".repeat(size);
    const run = spawnSync("sha256sum", { input: text, encoding: "utf8" });
    assert.equal(reader.sha256(text), run.stdout.slice(0, 64));
    assert.equal(reader.sha256(Buffer.from(text)), run.stdout.slice(0, 64));
  }
});

test("reading loads no FFI, but for the unique mount id", () => {
  const script = `
    import { linuxReader } from "#kernel/reader";
    import { ffiLoaded } from "#kernel/ffi";
    const reader = linuxReader({ uid: 0, pid: 1 });
    reader.text("/proc/self/mountinfo"); reader.listAny("/nonexistent"); reader.stat("/etc"); reader.realpath("/etc");
    reader.mountId("/proc"); reader.statIn("/", "etc/passwd"); reader.textIn("/", "etc/passwd"); reader.sha256("x");
    const before = ffiLoaded();
    reader.uniqueMountId("/");
    console.log(before, ffiLoaded(), process.moduleLoadList.some((it) => it === "NativeModule crypto"));
  `;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  assert.equal(run.stdout, "false true false\n", run.stderr);
  assert.ok(readFileSync("/etc/passwd").length > 0);
});
