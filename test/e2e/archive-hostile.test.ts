import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";
import { pack, tarOf } from "#test/tar";
import { setXattr, xattr } from "#test/xattr";

guard();
const ALL = needs("root", "overlay", "program:tar");

/** Members that try to reach `out`, a directory beside the state directory, or change `out/victim` in it. */
function hostile(out: string): Readonly<Record<string, Parameters<typeof tarOf>[0]>> {
  const up = `${"../".repeat(20)}${out.slice(1)}`;
  const file = (name: string) => ({ name, type: "file", text: "hostile" }) as const;
  const link = (name: string, to: string) => ({ name, type: "symlink", to }) as const;
  return {
    "an absolute name": [file(`${out}/absolute`)],
    "a name with ..": [file(`${up}/dotdot`)],
    "a name with .. in the middle": [{ name: "a", type: "dir" }, file(`a/../${up}/middle`)],
    "through an absolute symlink": [link("a", out), file("a/through")],
    "through a symlink with ..": [link("a", up), file("a/through")],
    "through two symlinks": [link("a", "b"), link("b", out), file("a/through")],
    "through a chain that climbs": [
      { name: "d", type: "dir" },
      link("d/up", ".."),
      link("d/top", `up/${up}`),
      file("d/top/through"),
    ],
    "over a symlink to a file": [link("v", `${out}/victim`), file("v")],
    "a hard link to outside, written over": [{ name: "v", type: "hardlink", to: `${out}/victim` }, file("v")],
    "a hard link through a symlink": [
      link("a", out),
      { name: "v", type: "hardlink", to: "a/victim" },
      file("v"),
    ],
    "a directory that is a symlink, with another mode": [
      link("a", out),
      { name: "a", type: "dir", mode: 0o777 },
    ],
    "a directory that becomes a symlink": [{ name: "a", type: "dir" }, link("a", out), file("a/through")],
    "a device written to": [{ name: "null", type: "char", major: 1, minor: 3 }, file("null")],
  };
}

test("A2 nothing in an archive reaches a path outside its place", ALL, (t) => {
  const p = project(t);
  const out = join(p.dir, "out");
  p.write("out/victim", "untouched");
  const before = statSync(out);
  for (const [what, members] of Object.entries(hostile(out))) {
    const file = join(p.dir, "hostile.tar");
    writeFileSync(file, tarOf(members));
    p.env("web", "lowers: [../hostile.tar]\n");
    const { code, stderr } = p.run(["apply", "web", "-y"]);
    assert.ok(code === 0 || (code === 1 && /cannot be unpacked/.test(stderr)), `${what}: ${code} ${stderr}`);
    assert.deepEqual(readdirSync(out), ["victim"], what);
    assert.equal(p.read("out/victim"), "untouched", what);
    const now = statSync(out);
    assert.deepEqual(
      [now.mode, now.nlink, statSync(join(out, "victim")).nlink],
      [before.mode, before.nlink, 1],
      what,
    );
    p.ok(["destroy", "--all", "-y"]);
  }
});

test("A2 with a tar that is fooled, the kernel still refuses: all but the layer is read-only", ALL, (t) => {
  const p = project(t);
  p.write("out/victim", "untouched");
  pack(p, "base.tar");
  const bin = join(p.dir, "bin");
  mkdirSync(bin);
  // Does what a fooled tar would: writes where a symlink leads, and to a path of its own choice.
  const tar = p.write(
    "bin/tar",
    `#!/bin/sh\nln -s ${p.dir}/out s\necho x > s/through; echo x > ${p.dir}/out/victim; ln ${p.dir}/out/victim hard; rm -rf ${p.dir}/out\nmkdir ok; exit 0\n`,
    0o755,
  );
  p.env("web", "lowers: [../images/base.tar]\n");
  // In a namespace of its own the host's tar is that one.
  const over = `mount --bind ${tar} "$(readlink -f "$(command -v tar)")" && exec "$@"`;
  const { stdout } = p.ok(["run", "--rm", "web", "--", "ls", "/ok"], 0, {
    before: ["unshare", "-m", "sh", "-c", over, "sh"],
  });
  assert.equal(stdout, "");
  assert.deepEqual([readdirSync(join(p.dir, "out")), p.read("out/victim")], [["victim"], "untouched"]);
});

test("A2 names that no text holds, long ones, setuid and attributes survive", ALL, (t) => {
  const p = project(t);
  const rootfs = join(p.dir, "rootfs");
  writeFileSync(Buffer.from(`${rootfs}/\xff\n name`, "latin1"), "odd");
  p.write(`rootfs/${"d/".repeat(80)}${"n".repeat(200)}`, "deep");
  p.write("rootfs/setuid", "", 0o4755);
  symlinkSync("/etc/../nowhere", join(rootfs, "dangling"));
  setXattr(join(rootfs, "bin"), "trusted.note", "kept");
  setXattr(join(rootfs, "etc"), "trusted.overlay.opaque", "y");
  const digest = pack(p, "base.tar", "--xattrs", "--xattrs-include=*");
  p.env("web", "rootfs: ../images/base.tar\n");
  p.ok(["apply", "web", "-y"]);
  const layer = join(p.state, "layers/sha256", digest);
  // Directories have sizes of their own.
  const listing = (cwd: string): readonly string[] =>
    ["d", "f,l"].flatMap((type, i) => {
      const format = `%P %M %U:%G ${i === 0 ? "" : "%s %l"}\\0`;
      const words = [".", "-mindepth", "1", "-type", type, "-printf", format];
      return spawnSync("find", words, { cwd, encoding: "latin1" }).stdout.split("\0").sort();
    });
  assert.deepEqual(listing(layer), listing(rootfs));
  assert.ok(listing(layer).length > 90);
  assert.equal(xattr(join(layer, "bin"), "trusted.note"), "kept");
  assert.equal(xattr(join(layer, "etc"), "trusted.overlay.opaque"), undefined);
});
