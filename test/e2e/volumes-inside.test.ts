// Volumes as the entry sees them (row E26).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { project } from "#test/project";

guard();

const REAL = needs("root", "overlay");

test("E26 volumes are seen after the pivot, files and all the odd names too", REAL, (t) => {
  const p = project(t);
  const names = [
    "a b",
    "c:d,e",
    "ü☃",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "'quote\"",
    "#hash",
    "$X",
    "-dash",
  ];
  for (const name of names) p.write(`vols/${name}/file`, name);
  p.write("one.txt", "one");
  const volumes = names.map((name) => ({
    source: `../vols/${name}`,
    target: `/mnt/${name}`,
  }));
  const body = {
    volumes: [...volumes, "../one.txt:/etc/app/one.conf:ro", "../vols:/all:ro"],
    overlay: { upper: "none" },
  };
  p.env(
    "web",
    Object.entries(body)
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
      .join(""),
  );
  for (const flags of [[], ["--rm"]]) {
    const inside = ["cat", ...names.map((name) => `/mnt/${name}/file`), "/etc/app/one.conf"];
    assert.equal(p.ok(["run", ...flags, "web", "--", ...inside]).stdout, `${names.join("")}one`);
    p.ok(["run", ...flags, "web", "--", "sh", "-c", "echo x > /etc/app/one.conf"], 1);
    p.ok(["run", ...flags, "web", "--", "touch", "/all/x"], 1);
    p.ok(["run", ...flags, "web", "--", "touch", "/mnt/a b/x"]);
    p.ok(["run", ...flags, "web", "--", "touch", "/root/x"], 1);
  }
  assert.ok(p.exists("vols/a b/x"));
  assert.equal(p.read("one.txt"), "one");
  p.ok(["plan", "--detailed-exitcode", "web"]);
  p.ok(["drift", "web"]);
  p.ok(["destroy", "-y", "web"]);
});

test(
  "E26 a volume is nosuid and nodev, and without what is mounted below its source unless recursive",
  REAL,
  (t) => {
    const p = project(t);
    p.write("vol/file", "");
    const below = join(p.dir, "vol/below");
    mkdirSync(below);
    assert.equal(spawnSync("mount", ["-t", "tmpfs", "below", below]).status, 0);
    p.after(() => void spawnSync("umount", [below]));
    writeFileSync(join(below, "deep"), "deep");
    p.env(
      "web",
      "volumes: [../vol:/plain, { source: ../vol, target: /whole, recursive: true, access: ro }, { source: ../vol, target: /free, options: [suid, dev, noexec] }]\n",
    );
    for (const flags of [[], ["--rm"]]) {
      const { stdout } = p.ok(["run", ...flags, "web", "--", "cat", "/proc/self/mounts"]);
      const options = (point: string): string[] => {
        const line = stdout.split("\n").find((text) => text.split(" ")[1] === point);
        return (line?.split(" ")[3] ?? "not mounted")
          .split(",")
          .filter((o) => /^(ro|rw|nosuid|nodev|noexec|not mounted)$/.test(o));
      };
      assert.deepEqual(options("/plain"), ["rw", "nosuid", "nodev"]);
      assert.deepEqual(options("/plain/below"), ["not mounted"]);
      assert.deepEqual(options("/whole"), ["ro", "nosuid", "nodev"]);
      assert.deepEqual(options("/whole/below"), ["ro", "nosuid", "nodev"]);
      assert.deepEqual(options("/free"), ["rw", "noexec"]);
      assert.equal(p.ok(["run", ...flags, "web", "--", "cat", "/whole/below/deep"]).stdout, "deep");
      assert.match(p.ok(["run", ...flags, "web", "--", "touch", "/whole/below/x"], 1).stderr, /Read-only/);
    }
    p.ok(["drift", "web"]);
    p.ok(["plan", "--detailed-exitcode", "web"]);
    p.ok(["destroy", "-y", "web"]);
    assert.deepEqual(p.mounts(), []);
    assert.equal(readFileSync(join(below, "deep"), "utf8"), "deep");
  },
);

test("E26 a volume in a volume: its place is made through the first, or said to be missing", REAL, (t) => {
  const p = project(t);
  p.write("outer/here", "");
  p.write("inner/file", "inner");
  p.env("web", "volumes: [../outer:/data:ro, ../inner:/data/sub]\n");
  const { stderr } = p.ok(["apply", "-y", "web"], 1);
  assert.match(stderr, /cannot mount web\.volume\["\/data\/sub"\]/);
  assert.match(stderr, /EROFS/);
  assert.deepEqual(readdirSync(join(p.dir, "outer")), ["here"]);
  p.env("web", "volumes: [../outer:/data, ../inner:/data/sub]\n");
  assert.equal(p.ok(["run", "web", "--", "cat", "/data/sub/file"]).stdout, "inner");
  p.ok(["destroy", "-y", "web"]);
  assert.deepEqual(readdirSync(join(p.dir, "outer/sub")), []);
  rmdirSync(join(p.dir, "outer/sub"));
});

test(
  "E25 a target that symlinks take deeper than any path reaches is refused, and nothing is left",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const name = "d".repeat(200);
    const deep = `${name}/`.repeat(16);
    mkdirSync(join(p.dir, "rootfs", deep), { recursive: true });
    symlinkSync(`/${deep}`, join(p.dir, "rootfs/link"));
    p.env("web", `volumes: ["../src:/link/${`${name}/`.repeat(5)}x"]\n`);
    const { stderr } = p.ok(["apply", "web", "-y"], 1);
    assert.match(stderr.replace(/\s+/g, " "), /ENAMETOOLONG.* fix links in it lead further down/);
    assert.deepEqual(p.mounts(), []);
    p.ok(["drift"]);
  },
);
