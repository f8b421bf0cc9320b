// Odd paths, renamed directories, whiteouts (rows C16 to C18).
import assert from "node:assert/strict";
import { lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";
import { project } from "#test/project";

guard();

test(
  "C16 paths with odd characters work for layers, rootfs, state and volumes",
  needs("root", "overlay"),
  (t) => {
    const odd = " sp\tt\nn\\b:c,d\"q'😀é";
    const p = project(t);
    const dir = (name: string): string => join(p.dir, name + odd);
    mkdirSync(join(dir("rootfs"), "bin"), { recursive: true });
    renameSync(join(p.dir, "rootfs"), join(dir("all"), "..", `real${odd}`));
    for (const name of ["lower", "src"]) mkdirSync(dir(name));
    writeFileSync(join(dir("lower"), "from-lower"), "L");
    writeFileSync(join(dir("src"), "from-src"), "S");
    const text = JSON.stringify;
    p.env(
      "web",
      [
        `rootfs: ${text({ dir: dir("real") })}`,
        `lowers: ${text([dir("lower")])}`,
        `volumes: ${text([{ source: dir("src"), target: `/vol${odd}`, access: "ro" }])}`,
        `tmpfs: ${text([{ target: `/tmp${odd}`, size: "1MiB" }])}`,
        "",
      ].join("\n"),
    );
    const on = ["--state-dir", dir("state")];
    p.after(() => void p.ok([...on, "destroy", "--all", "-y"]));
    p.ok([...on, "apply", "-y"]);
    const script = 'cat /from-lower "$1/from-src" && echo x >"$2/file"';
    for (const run of [["run"], ["run", "--rm"]])
      assert.equal(
        p.ok([...on, ...run, "web", "--", "sh", "-c", script, "sh", `/vol${odd}`, `/tmp${odd}`]).stdout,
        "LS",
      );
    p.ok([...on, "drift"]);
    assert.match(p.ok([...on, "plan"]).stdout, /No changes/);
    p.json([...on, "show", "web"]);
    p.ok([...on, "destroy", "-y", "web"]);
    assert.equal(
      readMounts().some((m) => m.point.startsWith(p.dir)),
      false,
    );
  },
);

test(
  "C17 C18 a lower directory is renamed with mv, whiteouts are never listed, each name once",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.write("rootfs/srv/old/deep/file", "moved");
    p.write("rootfs/srv/both", "lower");
    p.write("tools/srv/both", "upper layer");
    p.write("rootfs/srv/gone", "x");
    for (const [name, redirect] of [
      ["off", "off"],
      ["on", "on"],
    ] as const) {
      p.env(name, `lowers: [../tools]\noverlay: { options: { redirect_dir: ${redirect} } }\n`);
      const inside = (...command: string[]): string => p.ok(["run", name, "--", ...command]).stdout;
      inside("mv", "/srv/old", "/srv/new");
      assert.equal(inside("cat", "/srv/new/deep/file"), "moved");
      inside("rm", "/srv/gone");
      assert.deepEqual(inside("ls", "-a", "/srv").trim().split("\n"), [".", "..", "both", "new"]);
      assert.deepEqual(readdirSync(join(p.place(name, "merged"), "srv")).sort(), ["both", "new"]);
      assert.equal(lstatSync(join(p.place(name, "rw/upper"), "srv/gone")).rdev, 0);
      assert.equal(inside("cat", "/srv/both"), "upper layer");
    }
    assert.equal(p.read("rootfs/srv/old/deep/file"), "moved");
  },
);
