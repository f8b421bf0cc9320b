// Layers, uppers and volumes that get in each other's way (rows C11 to C15, F17).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { flat, mounted, overlayAt, refused } from "#test/overlay";
import { project } from "#test/project";

guard();

test(
  "C11 a layer in the state directory is refused at plan, and says whose it is",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.env("web");
    p.ok(["apply", "-y", "web"]);
    for (const [part, what] of [
      ["rw/upper", "the writable layer"],
      ["merged", "the inside"],
    ] as const) {
      p.env("other", `lowers: [${p.place("web", part)}]\n`);
      const { stderr } = p.ok(["plan", "other"], 3);
      assert.match(
        flat(stderr),
        new RegExp(`a layer cannot lie in the state directory.*it is ${what} of ${p.id("web")}`),
      );
      assert.match(stderr, /envs\/other\.yaml:4:10/);
    }
    // Through another state directory nothing but the mount table tells.
    const elsewhere = ["--state-dir", join(p.dir, "state2")];
    p.env("other", `lowers: [${p.place("web", "rw/upper")}]\n`);
    assert.match(flat(p.ok([...elsewhere, "plan", "other"], 3).stderr), /the writable layer of an overlay/);
    p.env("other", `lowers: [${p.place("web", "merged/etc")}]\n`);
    assert.match(flat(p.ok([...elsewhere, "plan", "other"], 3).stderr), /this is the inside of web-/);
    p.env("other", `volumes: [${p.place("web", "merged/etc")}:/data:ro]\n`);
    assert.match(flat(p.ok([...elsewhere, "plan", "other"], 3).stderr), /this is the inside of web-/);
  },
);

test("C11 one directory as two layers, or one below the other, is refused at plan", (t) => {
  const p = project(t);
  p.write("tools/bin/tool", "t");
  symlinkSync("tools", join(p.dir, "alias"));
  p.env("web", "lowers: [../tools, ../alias]\n");
  refused(p, /the same directory as lowers\[0\]/, /:4:20/);
  p.env("web", "lowers: [../rootfs]\n");
  refused(p, /the same directory as lowers\[0\]/);
  p.env("web", "lowers: [../tools/bin, ../tools]\n");
  refused(p, /lies below lowers\[1\]/, /:4:10/);
  p.env("web", "lowers: [../rootfs/etc]\n");
  refused(p, /lies below rootfs/);
});

test("C12 upper under a lower works, with a warning", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web");
  const state = ["--state-dir", join(p.dir, "rootfs/var/state")];
  p.after(() => void p.ok([...state, "destroy", "--all", "-y"]));
  const { stdout } = p.ok([...state, "plan"]);
  assert.match(flat(stdout), /Warning: this layer holds the state directory/);
  assert.match(
    p.ok([...state, "validate"]).stderr + p.ok([...state, "validate"]).stdout,
    /warning: this layer holds the state/,
  );
  p.ok([...state, "apply", "-y"]);
  p.ok([...state, "run", "web", "--", "sh", "-c", "echo x >/new && cat /etc/hostname"]);
  p.ok([...state, "run", "--rm", "web", "--", "test", "!", "-e", "/new"]);
  p.ok([...state, "drift"]);
  assert.match(p.ok([...state, "plan"]).stdout, /No changes/);
  p.ok([...state, "destroy", "-y", "web"]);
});

test(
  "C13 the state directory on an overlay: disk is refused, tmpfs and none work",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    mkdirSync(join(p.dir, "below"));
    const on = ["--state-dir", join(overlayAt(p, [join(p.dir, "below")], "ovl"), "state")];
    p.after(() => void p.ok([...on, "destroy", "--all", "-y"]));
    p.env("web");
    const { stderr } = p.ok([...on, "plan"], 1);
    assert.match(flat(stderr), /lies on overlay, which cannot hold an upper/);
    assert.match(flat(stderr), /--state-dir DIR, or write overlay: \{ upper: \{ tmpfs: SIZE \} \}/);
    for (const upper of ["none", "{ tmpfs: 8MiB }"]) {
      p.env("web", `overlay: { upper: ${upper} }\n`);
      p.ok([...on, "apply", "-y"]);
      assert.equal(p.ok([...on, "run", "web", "--", "cat", "/etc/hostname"]).stdout, "web\n");
      p.ok([...on, "run", "--rm", "web", "--", "cat", "/etc/hostname"]);
      p.ok([...on, "drift"]);
      p.ok([...on, "destroy", "-y", "web"]);
    }
  },
);

test("C14 too many overlays on top of each other are named", needs("root", "overlay"), (t) => {
  const p = project(t);
  for (const dir of ["one", "two"]) mkdirSync(join(p.dir, dir));
  const first = overlayAt(p, [join(p.dir, "one")], "ovl1");
  const second = mounted(p, "overlay", `lowerdir=${first}:${join(p.dir, "two")}`, "ovl2");
  p.env("web", `lowers: [${second}]\n`);
  refused(p, /too many overlays on top of each other.*it lies on 2 overlays already/, /envs\/web\.yaml:4:10/);
  p.env("web", `lowers: [${first}]\n`);
  p.ok(["apply", "-y"]);
});

test("C15 a state directory on a read-only file system is refused", needs("root", "overlay"), (t) => {
  const p = project(t);
  const at = mounted(p, "tmpfs", "size=1m", "disk");
  p.env("web");
  const on = ["--state-dir", join(at, "state")];
  p.ok([...on, "apply", "-y"]);
  p.ok([...on, "destroy", "-y", "web"]);
  execFileSync("mount", ["-o", "remount,ro", at]);
  const before = p.mounts().length;
  for (const command of [["plan"], ["apply", "-y"]])
    assert.match(flat(p.ok([...on, ...command], 1).stderr), /mounted read-only|EROFS/);
  assert.match(flat(p.ok([...on, "plan"], 1).stderr), /lies on a file system that is mounted read-only/);
  assert.equal(p.mounts().length, before);
});

test(
  "F17 volumes of two environments that cross are told, in either order",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    mkdirSync(join(p.dir, "data/sub"), { recursive: true });
    p.env("outer", "volumes: [../data:/data]\n");
    p.env("inner", "volumes: [../data/sub:/sub]\n");
    const { stdout } = p.ok(["plan"]);
    assert.match(flat(stdout), /volume\["\/sub"\] lies in what outer writes/);
    assert.match(flat(stdout), /volume\["\/data"\] holds what inner writes/);
    p.ok(["apply", "-y", "outer"]);
    assert.match(flat(p.ok(["plan", "inner"]).stdout), /lies in what outer writes/);
    p.ok(["apply", "-y"]);
    assert.doesNotMatch(p.ok(["plan"]).stdout, /Warning/, "what stands is not told again");
    p.env("inner", "volumes: [../data/sub:/sub:ro]\n");
    assert.doesNotMatch(p.ok(["plan", "inner"]).stdout, /Warning/);
  },
);

test("F17 a volume that holds the state directory, or a layer, is told", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web", "volumes: [..:/all]\n");
  assert.match(flat(p.ok(["plan"]).stdout), /Warning: this volume holds the state directory/);
  p.env("web", "volumes: [../rootfs/etc:/conf, { source: .., target: /all, recursive: true }]\n");
  assert.match(flat(p.ok(["plan"], 3).stderr), /a recursive volume cannot hold the state directory/);
  p.env("web", "volumes: [../rootfs:/all]\n");
  assert.match(flat(p.ok(["plan"]).stdout), /through this volume \.\.\/rootfs, a layer, can be written/);
});
