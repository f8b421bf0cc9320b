import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { deleteTree } from "#guard/delete";
import { type AbsPath, join as joinPath } from "#model/brand";
import { Failure, KernelError } from "#model/diagnostic";
import type { Files } from "#ports/files";
import { FakeKernel } from "#test/fake-kernel";
import { needs } from "#test/needs";
import { files, mount, precious, reader, real, umount, yard } from "./fixture.ts";

const refusal = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  const [d] = error.diagnostics;
  assert.equal(d!.code, code);
  assert.match(`${d!.summary}\n${d!.detail}\n${d!.call} ${d!.errno}\n${d!.hint}`, text);
  return true;
};

/** Files with one of the raw pieces replaced. */
const withWalk = (walk: Partial<Files["walk"]>): Files => ({ ...files, walk: { ...files.walk, ...walk } });

test("a tree goes with everything in it, what its symlinks lead to stays", needs("root"), (t) => {
  const y = yard(t);
  mkdirSync(join(y.place.upper, "a/b"), { recursive: true });
  writeFileSync(join(y.place.upper, "a/b/file"), "x");
  symlinkSync(join(y.dir, "precious"), join(y.place.upper, "a/way"));
  symlinkSync("nowhere", join(y.place.upper, "dangling"));
  deleteTree(real, y.state, y.place.rw);
  assert.equal(existsSync(y.place.rw), false);
  assert.equal(precious(y), "irreplaceable");
  deleteTree(real, y.state, y.place.rw); // gone is fine
});

test(
  "a bind of something precious below a tree: nothing is deleted while it is mounted",
  needs("root", "mounts"),
  (t) => {
    const y = yard(t);
    mkdirSync(join(y.place.upper, "z/deep"), { recursive: true });
    writeFileSync(join(y.place.upper, "first"), "x");
    mount("--bind", join(y.dir, "precious"), join(y.place.upper, "z/deep"));
    assert.throws(
      () => deleteTree(real, y.state, y.place.rw),
      refusal("foreign_mount", /z\/deep is a mount[^]*umount /),
    );
    assert.throws(() => deleteTree(real, y.state, y.place.dir), refusal("foreign_mount", /is a mount/));
    assert.equal(precious(y), "irreplaceable");
    assert.deepEqual(readdirSync(y.place.upper).sort(), ["first", "z"]);
    umount(join(y.place.upper, "z/deep"));
    deleteTree(real, y.state, y.place.rw);
    assert.equal(precious(y), "irreplaceable");
  },
);

test("a mount on the very directory stops too, files included", needs("root", "mounts"), (t) => {
  const y = yard(t);
  mount("--bind", join(y.dir, "precious"), y.place.merged);
  assert.throws(() => deleteTree(real, y.state, y.place.merged), refusal("foreign_mount", /is a mount/));
  writeFileSync(join(y.place.upper, "f"), "");
  mount("--bind", join(y.dir, "precious/data"), join(y.place.upper, "f"));
  assert.throws(() => deleteTree(real, y.state, y.place.upper), refusal("foreign_mount", /is a mount/));
  assert.equal(precious(y), "irreplaceable");
});

test(
  "a bind that appears after the look at the table is not entered, and the walk stops at it",
  needs("root", "mounts"),
  (t) => {
    const y = yard(t);
    const target = join(y.place.upper, "dir");
    mkdirSync(target);
    const late = withWalk({
      view: (path) => {
        const fd = files.walk.view(path);
        mount("--bind", join(y.dir, "precious"), target);
        return fd;
      },
    });
    assert.throws(
      () => deleteTree({ reader, files: late }, y.state, y.place.rw),
      refusal("foreign_mount", /mounted below[^]*EBUSY/),
    );
    assert.equal(precious(y), "irreplaceable");
    assert.deepEqual(readdirSync(target), ["data"]);
  },
);

test("a bind that appears in the middle of the walk is not entered either", needs("root", "mounts"), (t) => {
  const y = yard(t);
  for (const name of ["a", "b", "c", "d"]) mkdirSync(join(y.place.upper, name, "sub"), { recursive: true });
  let opened = 0;
  const late = withWalk({
    openDir: (at, name) => {
      if (++opened === 3)
        for (const dir of ["a", "b", "c", "d"])
          if (existsSync(join(y.place.upper, dir, "sub")))
            mount("--bind", join(y.dir, "precious"), join(y.place.upper, dir, "sub"));
      return files.walk.openDir(at, name);
    },
  });
  assert.throws(
    () => deleteTree({ reader, files: late }, y.state, y.place.rw),
    refusal("foreign_mount", /EBUSY/),
  );
  assert.equal(precious(y), "irreplaceable");
});

test("even without the detached view a mount is not crossed: EXDEV", needs("root", "mounts"), (t) => {
  const y = yard(t);
  mkdirSync(join(y.place.upper, "dir"));
  const attached = withWalk({
    view: (path) => {
      mount("--bind", join(y.dir, "precious"), join(y.place.upper, "dir"));
      return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    },
  });
  assert.throws(
    () => deleteTree({ reader, files: attached }, y.state, y.place.rw),
    refusal("foreign_mount", /EXDEV/),
  );
  assert.equal(precious(y), "irreplaceable");
});

test("only what lies below envs/ID, layers and locks can be deleted", needs("root"), (t) => {
  const y = yard(t);
  mkdirSync(join(y.state, "layers/sha256/0abc"), { recursive: true });
  mkdirSync(join(y.state, "envs/not-an-id"), { recursive: true });
  const no = [
    "",
    "envs",
    "envs/not-an-id",
    "layers",
    "locks",
    "other",
    "../precious",
    `envs/${y.place.dir.split("/").at(-1)}/../../../precious`,
  ];
  for (const path of no) {
    assert.throws(
      () => deleteTree(real, y.state, `${y.state}/${path}`.replace(/\/$/, "") as AbsPath),
      refusal("refused", /not envctl's to delete/),
      path,
    );
  }
  assert.throws(
    () => deleteTree(real, y.state, join(y.dir, "precious") as AbsPath),
    refusal("refused", /not envctl's/),
  );
  assert.equal(precious(y), "irreplaceable");
  deleteTree(real, y.state, join(y.state, "layers/sha256/0abc") as AbsPath);
  deleteTree(real, y.state, y.place.dir);
  assert.deepEqual(readdirSync(join(y.state, "envs")), ["not-an-id"]);
});

test("a symlink in place of a directory of ours is not followed", needs("root"), (t) => {
  const y = yard(t);
  deleteTree(real, y.state, y.place.rw);
  symlinkSync(join(y.dir, "precious"), y.place.rw);
  assert.throws(() => deleteTree(real, y.state, y.place.rw), refusal("refused", /it is a symlink/));
  assert.throws(
    () => deleteTree(real, y.state, joinPath(y.place.rw, "data")),
    refusal("refused", /it is a file|a part of .* is a symlink/),
  );
  mkdirSync(join(y.dir, "precious/inner"));
  assert.throws(
    () => deleteTree(real, y.state, joinPath(y.place.rw, "inner")),
    refusal("refused", /a part of .* is a symlink/),
  );
  assert.equal(precious(y), "irreplaceable");
});

test(
  "names that are no UTF-8, 25 levels of 200 bytes, and more levels than descriptors",
  needs("root"),
  (t) => {
    const y = yard(t);
    const odd = Buffer.concat([Buffer.from(`${y.place.upper}/`), Buffer.from([0xff, 0xfe, 0x20, 0x0a])]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from([0x2f, 0x80])]), "x");
    const dig = (levels: number, name: string): void => {
      let fd = openSync(y.place.upper, constants.O_RDONLY | constants.O_DIRECTORY);
      for (let i = 0; i < levels; i++) {
        const at = `/proc/self/fd/${fd}`;
        mkdirSync(join(at, name));
        writeFileSync(join(at, "beside"), "");
        const next = openSync(join(at, name), constants.O_RDONLY | constants.O_DIRECTORY);
        closeSync(fd);
        fd = next;
      }
      closeSync(fd);
    };
    dig(25, "n".repeat(200));
    dig(400, "d");
    const open = readdirSync("/proc/self/fd").length;
    deleteTree(real, y.state, y.place.rw);
    assert.equal(existsSync(y.place.rw), false);
    assert.equal(readdirSync("/proc/self/fd").length, open, "no descriptor is left open");
  },
);

test("never more than a few hundred descriptors are open, however deep it goes", () => {
  const k = new FakeKernel();
  const path = `/state/envs/web-0123abcd/rw${"/d".repeat(300)}` as AbsPath;
  k.disk.dir(path);
  let most = 0;
  const walk = {
    ...k.files.walk,
    openDir: (at: number, name: Uint8Array) => {
      const fd = k.files.walk.openDir(at, name);
      most = Math.max(most, k.handles.fds.size);
      return fd;
    },
  };
  deleteTree(
    { reader: k.reader, files: { ...k.files, walk } },
    "/state" as AbsPath,
    "/state/envs/web-0123abcd/rw" as AbsPath,
  );
  assert.equal(k.disk.node("/state/envs/web-0123abcd/rw" as AbsPath), undefined);
  assert.ok(most > 100 && most < 300, `${most} descriptors`);
  assert.equal(k.handles.fds.size, 0);
});

test("2,000 files go in well under a second", needs("root"), (t) => {
  let ms = Infinity;
  // The disk may have others to serve: once more where it took long.
  for (let tries = 0; tries < 3 && ms >= 1000; tries++) {
    const y = yard(t);
    for (let d = 0; d < 20; d++) {
      mkdirSync(join(y.place.upper, `d${d}`));
      for (let f = 0; f < 99; f++) writeFileSync(join(y.place.upper, `d${d}`, `f${f}`), "");
    }
    const start = performance.now();
    deleteTree(real, y.state, y.place.rw);
    ms = performance.now() - start;
  }
  t.diagnostic(`2,000 entries in ${ms.toFixed(0)} ms`);
  assert.ok(ms < 1000, `${ms} ms`);
});

test("a refusal in the middle leaves no descriptor open and says what the kernel said", () => {
  const k = new FakeKernel();
  k.disk.file("/state/envs/web-0123abcd/rw/a/b/file");
  const walk = {
    ...k.files.walk,
    unlink: () => {
      throw Object.assign(new Error("bug"));
    },
  };
  assert.throws(
    () =>
      deleteTree(
        { reader: k.reader, files: { ...k.files, walk } },
        "/state" as AbsPath,
        "/state/envs/web-0123abcd/rw" as AbsPath,
      ),
    /bug/,
  );
  assert.equal(k.handles.fds.size, 0);
  k.failOn("removeDir", "EPERM");
  assert.throws(
    () => deleteTree(k, "/state" as AbsPath, "/state/envs/web-0123abcd/rw" as AbsPath),
    refusal("kernel", /cannot delete \/state\/envs[^]*removeDir[^]*EPERM/),
  );
});

test("a directory that cannot be listed leaves no descriptor open: an open view is a mount that stays", () => {
  const k = new FakeKernel();
  k.disk.file("/state/envs/web-0123abcd/rw/file");
  const entries = (): never => {
    throw new KernelError("getdents64(7)", "EIO");
  };
  const files = { ...k.files, walk: { ...k.files.walk, entries } };
  assert.throws(
    () =>
      deleteTree({ reader: k.reader, files }, "/state" as AbsPath, "/state/envs/web-0123abcd/rw" as AbsPath),
    refusal("kernel", /EIO/),
  );
  assert.equal(k.handles.fds.size, 0);
});

test("a directory that is filled again while it is emptied is emptied again", () => {
  const k = new FakeKernel();
  const rw = "/state/envs/web-0123abcd/rw";
  k.disk.file(`${rw}/a/file`);
  let late = 2;
  const walk = {
    ...k.files.walk,
    unlink: (at: number, name: Uint8Array, dir: boolean) => {
      k.files.walk.unlink(at, name, dir);
      if (late-- > 0) k.disk.file(`${rw}/a/late${late}`);
    },
  };
  deleteTree({ reader: k.reader, files: { ...k.files, walk } }, "/state" as AbsPath, rw as AbsPath);
  assert.equal(k.disk.node(rw as AbsPath), undefined);
});
