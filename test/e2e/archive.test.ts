import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project, type Project } from "#test/project";
import { slow as patience } from "#test/slow";
import { trace } from "#test/strace";
import { pack } from "#test/tar";

guard();
const ALL = needs("root", "overlay", "program:tar");

const stored = (p: Project): readonly string[] => readdirSync(join(p.state, "layers/sha256")).sort();
const steps = (p: Project, ...args: readonly string[]): readonly unknown[] =>
  p
    .lines(["apply", "-y", ...args])
    .filter((line) => line["event"] === "step_done")
    .map((line) => line["step"]);

/** Waits for something to come true. */
async function until<T>(look: () => T): Promise<T> {
  for (const end = Date.now() + patience(20_000); Date.now() < end; await sleep(20)) {
    const seen = look();
    if (seen) return seen;
  }
  throw new Error("it never came true");
}

type PlanJson = { readonly envs: readonly { readonly actions: readonly Record<string, unknown>[] }[] };
const actions = (p: Project, ...args: readonly string[]): readonly Record<string, unknown>[] =>
  p.json<PlanJson>(["plan", ...args]).envs[0]!.actions.filter((a) => a["op"] !== "keep");

test("A2 an archive is unpacked once; a second apply, and a second environment, unpack nothing", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar.gz", "--gzip");
  p.env("web", "rootfs: ../images/base.tar.gz\n");
  p.env("api", "rootfs: { archive: ../images/base.tar.gz, sha256: " + digest + " }\n");
  const plan = p.ok(["plan", "web"]).stdout;
  assert.match(plan, /\+ +rootfs\n +archive +\.\.\/images\/base\.tar\.gz +unpacked once\n/);
  assert.match(plan, new RegExp(`digest +sha256:${digest.slice(0, 12)}`));
  assert.ok(!existsSync(p.state), "plan made nothing");
  assert.ok(steps(p, "web").includes("store_layer"));
  assert.deepEqual(stored(p), [digest]);
  const tree = statSync(join(p.state, "layers/sha256", digest)).ino;
  assert.equal(p.ok(["run", "web", "--", "cat", "/etc/group"]).stdout, p.read("rootfs/etc/group"));
  p.ok(["plan", "--detailed-exitcode", "web"]);
  assert.deepEqual(steps(p, "web"), []);
  assert.ok(!steps(p, "api").includes("store_layer"));
  assert.equal(statSync(join(p.state, "layers/sha256", digest)).ino, tree);
  p.ok(["destroy", "--all", "-y"]);
  assert.deepEqual(stored(p), [digest]);
});

test(
  "A2 plain, .xz, .zst and .bz2 archives, and layers of them",
  {
    ...needs("root", "overlay", "program:tar", "program:xz", "program:zstd", "program:bzip2"),
  },
  (t) => {
    const p = project(t);
    pack(p, "base.tar");
    const lowers = ["--xz", "--zstd", "--bzip2"].map((option, i) => {
      p.write("rootfs/etc/which", option);
      pack(p, `layer${i}`, option);
      return `../images/layer${i}`;
    });
    p.env("web", `rootfs: ../images/base.tar\nlowers: [${lowers.join(", ")}]\n`);
    p.ok(["apply", "web", "-y"]);
    assert.equal(stored(p).length, 4);
    assert.equal(p.ok(["run", "web", "--", "cat", "/etc/which"]).stdout, "--xz");
    assert.equal(p.ok(["run", "--rm", "web", "--", "cat", "/etc/which"]).stdout, "--xz");
    assert.equal(stored(p).length, 4);
  },
);

test("A2 a throwaway run unpacks what is not there yet, and nothing the second time", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar");
  p.env("web", "rootfs: ../images/base.tar\n");
  assert.equal(p.ok(["run", "--rm", "web", "--", "cat", "/etc/group"]).stdout, p.read("rootfs/etc/group"));
  const tree = statSync(join(p.state, "layers/sha256", digest)).ino;
  p.ok(["run", "--rm", "web", "--", "true"]);
  assert.equal(statSync(join(p.state, "layers/sha256", digest)).ino, tree);
});

test(
  "A2 an archive that was hashed is not read again, until it is touched",
  needs("root", "overlay", "program:tar", "program:strace"),
  (t) => {
    const p = project(t);
    pack(p, "base.tar");
    p.env("web", "rootfs: ../images/base.tar\n");
    p.ok(["apply", "web", "-y"]);
    const file = join(p.dir, "images/base.tar");
    const readBytes = (): number => {
      const { result, calls } = trace(p, ["plan", "web"]);
      assert.equal(result.code, 0, result.stderr);
      const reads = calls.filter(
        ({ name, args }) => /^p?read/.test(name) && args.includes("images/base.tar>"),
      );
      return reads.reduce((sum, { answer }) => sum + Number(answer), 0);
    };
    assert.ok(readBytes() < 4096);
    utimesSync(file, 1, 1);
    assert.ok(readBytes() >= statSync(file).size);
  },
);

test("A3 a changed archive is a replace with both digests, of rootfs and overlay", ALL, (t) => {
  const p = project(t);
  const old = pack(p, "base.tar");
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["apply", "web", "-y"]);
  p.ok(["run", "web", "--", "sh", "-c", "echo mine > /root/mine"]);
  p.write("rootfs/etc/new", "new\n");
  const now = pack(p, "base.tar");
  const [rootfs, overlay] = actions(p, "web");
  assert.deepEqual(
    [rootfs!["op"], rootfs!["because"], rootfs!["changes"]],
    ["replace", "rootfs_changed", [{ path: "sha256", before: old, after: now, forces_replace: true }]],
  );
  assert.deepEqual([overlay!["op"], overlay!["because"]], ["replace", "rootfs_changed"]);
  const shown = p.ok(["plan", "web"]).stdout;
  assert.match(shown, new RegExp(`digest +sha256:${old.slice(0, 12)} (→|->) sha256:${now.slice(0, 12)}`));
  p.ok(["run", "web", "--", "true"], 125);
  p.ok(["apply", "web", "-y"]);
  assert.equal(p.ok(["run", "web", "--", "cat", "/etc/new", "/root/mine"]).stdout, "new\nmine\n");
  assert.deepEqual(stored(p), [old, now].sort());
  p.ok(["plan", "--detailed-exitcode", "web"]);
});

test("A3 a changed archive among the lowers is a replace of that layer and the overlay alone", ALL, (t) => {
  const p = project(t);
  const old = pack(p, "tools.tar");
  p.env("web", "lowers: [../images/tools.tar]\n");
  p.ok(["apply", "web", "-y"]);
  p.write("rootfs/etc/new", "new\n");
  const now = pack(p, "tools.tar");
  const todo = actions(p, "web");
  assert.deepEqual(
    todo.map((a) => [a["address"], a["op"], a["because"]]),
    [
      ["web.layer[0]", "replace", "lowers_changed"],
      ["web.overlay", "replace", "lowers_changed"],
    ],
  );
  assert.match(p.ok(["plan", "web"]).stdout, /lowers +~ \.\.\/images\/tools\.tar +other content now/);
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(stored(p), [old, now].sort());
});

test("A3 a sha256 that is another than the file's is pointed at", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar");
  p.env("web", `rootfs:\n  archive: ../images/base.tar\n  sha256: ${"0".repeat(64)}\n`);
  const { stderr } = p.ok(["plan", "web"], 3);
  assert.match(stderr, /web\.yaml:5:11: not the archive that was meant/);
  assert.match(stderr, new RegExp(digest));
  p.write("images/none.tar", "no archive");
  p.env("web", "rootfs: ../images/none.tar\n");
  assert.match(p.ok(["validate", "web"], 3).stderr, /neither a directory nor an archive/);
});

test("A3 an archive that changes between plan and apply is refused", ALL, (t) => {
  const p = project(t);
  pack(p, "base.tar");
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["plan", "web", "--out", "web.plan"]);
  p.write("rootfs/etc/new", "new\n");
  pack(p, "base.tar");
  assert.match(p.ok(["apply", "--plan", "web.plan"], 6).stderr, /no longer holds/);
  assert.deepEqual(p.mounts(), []);
});

test("A2 a stored layer that was taken away is made again, and the overlay with it", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar");
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["apply", "web", "-y"]);
  rmSync(join(p.state, "layers/sha256", digest), { recursive: true });
  assert.match(p.ok(["drift", "web"], 2).stdout, /missing +rootfs +its stored layer is gone/);
  assert.match(p.ok(["plan", "web"]).stdout, /rootfs +missing +its stored layer is gone/);
  assert.deepEqual(
    actions(p, "web").map((a) => [a["address"], a["op"], a["because"]]),
    [
      ["web.rootfs", "create", "missing"],
      ["web.overlay", "replace", "rootfs_changed"],
    ],
  );
  p.ok(["apply", "web", "-y"]);
  assert.equal(p.ok(["run", "web", "--", "cat", "/etc/group"]).stdout, p.read("rootfs/etc/group"));
  p.ok(["drift", "web"]);
});

test("A2 what a killed apply left half unpacked is gone after the next one", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar");
  const other = "f".repeat(64);
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["apply", "web", "-y"]);
  p.ok(["destroy", "web", "-y"]);
  const store = join(p.state, "layers/sha256");
  rmSync(join(store, digest), { recursive: true });
  for (const left of [digest, other]) p.write(`state/layers/sha256/.${left}.new/etc/half`, "");
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(stored(p), [digest]);
  assert.ok(!existsSync(join(store, digest, "etc/half")));
});

test("A2 a layer's root can be entered by everybody, and the state directory by nobody else", ALL, (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar", "--mode=u=rwx,go=", "--owner=1000", "--group=1000");
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["apply", "web", "-y"]);
  const mode = (...path: readonly string[]): number => statSync(join(p.state, ...path)).mode & 0o777;
  assert.deepEqual(
    [mode("layers"), mode("layers/sha256"), mode("layers/sha256", digest)],
    [0o700, 0o700, 0o755],
  );
  assert.equal(statSync(join(p.state, "layers/sha256", digest, "bin")).uid, 1000);
});

test("A2 an archive cut off in the middle leaves nothing", ALL, (t) => {
  const p = project(t);
  pack(p, "base.tar.gz", "--gzip");
  const file = join(p.dir, "images/base.tar.gz");
  writeFileSync(file, readFileSync(file).subarray(0, 100_000));
  p.env("web", "rootfs: ../images/base.tar.gz\n");
  assert.match(p.ok(["apply", "web", "-y"], 1).stderr, /cannot be unpacked/);
  assert.deepEqual([stored(p), p.mounts()], [[], []]);
  assert.deepEqual(readdirSync(join(p.state, "envs")), []);
});

test("A2 two applies at once unpack an archive once between them", ALL, async (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar.gz", "--gzip");
  for (const name of ["one", "two"]) p.env(name, "rootfs: ../images/base.tar.gz\n");
  const ended = ["one", "two"].map(
    (name) =>
      new Promise<number | null>((resolve) =>
        p.start(["apply", name, "-y"], { stdio: "ignore" }).on("exit", resolve),
      ),
  );
  assert.deepEqual(await Promise.all(ended), [0, 0]);
  assert.deepEqual(stored(p), [digest]);
  for (const name of ["one", "two"]) p.ok(["run", name, "--", "true"]);
});

test("A2 killed while it unpacks, tar is gone with it, and the next apply converges", ALL, async (t) => {
  const p = project(t);
  const digest = pack(p, "base.tar.gz", "--gzip");
  p.env("web", "rootfs: ../images/base.tar.gz\n");
  // A tar that has begun and never ends.
  const slow = p.write("slow-tar", "#!/bin/sh\nmkdir half; echo $$ > half/pid; exec sleep 600\n", 0o755);
  const over = `mount --bind ${slow} "$(readlink -f "$(command -v tar)")" && exec "$@"`;
  const child = p.start(["apply", "web", "-y"], {
    stdio: "ignore",
    before: ["unshare", "-m", "--propagation", "slave", "sh", "-c", over, "sh"],
  });
  const left = join(p.state, `layers/sha256/.${digest}.new/half/pid`);
  const pid = await until(() => existsSync(left) && Number(readFileSync(left, "utf8")));
  const exit = new Promise((resolve) => child.on("exit", resolve));
  process.kill(child.pid!, "SIGKILL");
  await exit;
  await until(() => !existsSync(`/proc/${pid}/cwd`));
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(stored(p), [digest]);
  assert.equal(p.ok(["run", "web", "--", "cat", "/etc/group"]).stdout, p.read("rootfs/etc/group"));
});
