import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import test from "node:test";
import { type AbsPath, join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import { parseMountinfo } from "#model/mountinfo";
import type { MountEntry } from "#model/observed";
import type { TmpfsResource, VolumeResource } from "#model/resource";
import { linuxFiles } from "#kernel/files";
import { linuxMounts } from "#kernel/mounts";
import { linuxReader } from "#kernel/reader";
import type { Files } from "#ports/files";
import type { Mounts } from "#ports/mounts";
import type { Reader } from "#ports/reader";
import { Crash, FakeKernel } from "#test/fake-kernel";
import { needs } from "#test/needs";
import { scratch } from "../kernel/fixture.ts";

type Kernel = { readonly reader: Reader; readonly mounts: Mounts; readonly files: Files };

const errno = (run: () => unknown): string => {
  try {
    run();
    return "done";
  } catch (error) {
    if (error instanceof KernelError) return error.errno;
    throw error;
  }
};

/** What an environment goes through, and all that can be seen of it. `dir` has directories root and src and is empty else. */
function script({ reader, mounts, files }: Kernel, dir: AbsPath): readonly unknown[] {
  const at = (...names: readonly string[]): AbsPath => join(dir, ...names);
  const own = { mode: 0o755, uid: reader.uid, gid: 0 };
  const seen: unknown[] = [];
  const look = (): void => {
    const lines = parseMountinfo(reader.text("/proc/self/mountinfo" as AbsPath)).filter((m) =>
      m.point.startsWith(dir),
    );
    const overlay = (m: MountEntry): string => (m.type === "overlay" ? m.source : "");
    seen.push(
      lines.map((m) => [m.point.slice(dir.length), overlay(m), reader.mountId(m.point as AbsPath) === m.id]),
    );
  };
  files.writeFile(at("src/file"), "text", 0o644);
  for (const name of ["m", "u", "w", "i"]) seen.push(files.makeDir(at(name), own));
  seen.push(
    files.makeDir(at("m"), own),
    errno(() => files.makeDir(at("src/file"), own)),
    errno(() => files.makeDir(at("none/x"), own)),
  );
  const volume: VolumeResource = {
    kind: "volume",
    address: "v",
    target: "/work/in",
    source: "src",
    path: at("src"),
    type: "dir",
    access: "ro",
    recursive: false,
    options: [],
  };
  const tmp: TmpfsResource = { kind: "tmpfs", address: "t", target: "/tmp", mode: 0o1777 };
  const tree = mounts.stage((stage) => {
    stage.overlay(
      { tag: "envctl:0:web", lowers: [at("root")], rw: { upper: at("u"), work: at("w") }, options: {} },
      at("m"),
    );
    stage.inner(at("m"), volume);
    look();
    return stage.take(at("m"));
  });
  look();
  const made = mounts.attach(tree, at("m"));
  look();
  seen.push(
    reader.mountId(at("m")) === made.id,
    reader.stat(at("m"))!.dev === made.dev,
    reader.text(at("m/work/in/file")),
  );
  const inner = mounts.inner(at("m"), tmp);
  seen.push(inner.point.slice(dir.length), reader.mountId(at("m/tmp")) === inner.id);
  look();
  seen.push(
    errno(() => mounts.unmount(at("m"))),
    errno(() => mounts.unmount(at("m/work"))),
    errno(() => files.removeDir(at("m"))),
  );
  for (const point of ["m/tmp", "m/work/in", "m"]) mounts.unmount(at(point));
  look();
  seen.push(
    [...reader.list(at("u"))].sort(),
    errno(() => files.removeDir(at("u"))),
    errno(() => files.removeDir(at("m"))),
    errno(() => files.removeFile(at("none"))),
  );
  return seen;
}

test("the fake answers as the kernel does", needs("root", "mounts", "overlay"), (t) => {
  const real = {
    reader: linuxReader({ uid: 0, pid: process.pid }),
    mounts: linuxMounts(),
    files: linuxFiles(),
  };
  const dir = scratch(t);
  const k = new FakeKernel();
  for (const name of ["root", "src"]) {
    mkdirSync(join(dir, name));
    k.disk.dir(`/dir/${name}`);
  }
  assert.deepEqual(script(k, "/dir" as AbsPath), script(real, dir));
});

test("a planned refusal comes once, at the n-th call or at the next that says a text", () => {
  const k = new FakeKernel();
  const own = { mode: 0o700, uid: 0, gid: 0 };
  k.failAt(2, "ENOSPC");
  k.failOn("removeDir /b", "EBUSY");
  const tries = ["/a", "/b", "/b"].map((path) => errno(() => k.files.makeDir(path as AbsPath, own)));
  assert.deepEqual(tries, ["done", "ENOSPC", "done"]);
  assert.deepEqual(
    ["/a", "/b", "/b"].map((path) => errno(() => k.files.removeDir(path as AbsPath))),
    ["done", "EBUSY", "done"],
  );
  assert.deepEqual(k.calls.slice(0, 3), ["makeDir /a 700", "makeDir /b 700", "makeDir /b 700"]);
});

test("killed: that call and all later ones are not carried out, until a new process begins", () => {
  const k = new FakeKernel();
  const own = { mode: 0o700, uid: 0, gid: 0 };
  k.files.lock("/lock" as AbsPath);
  k.crashAt(1);
  assert.throws(() => k.files.makeDir("/a" as AbsPath, own), Crash);
  assert.throws(() => k.mounts.stage(() => undefined), Crash);
  assert.equal(k.disk.node("/a" as AbsPath), undefined);
  k.revive();
  assert.equal(k.files.makeDir("/a" as AbsPath, own), true);
  assert.equal(k.files.lock("/lock" as AbsPath).kind, "held");
});
