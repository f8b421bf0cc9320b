// The kernel's overlayfs: what it takes, and what is refused before it is asked (rows A1, C1 to C6, C8, C10, C19).
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { flat, refused } from "#test/overlay";
import { project } from "#test/project";

guard();

test(
  "A1 no overlay in this kernel: the module is tried, then the missing feature named",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = project(t);
    p.env("web");
    const before = (when: string): string[] => [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-e",
      "trace=fsopen",
      "-e",
      `inject=fsopen:error=ENODEV:${when}`,
    ];
    const { stderr } = p.ok(["apply", "-y"], 1, { before: before("when=1+") });
    assert.match(flat(stderr), /CONFIG_OVERLAY_FS/);
    assert.match(flat(stderr), /modprobe/);
    assert.deepEqual(p.mounts(), []);
    // Once it was loaded the second try works.
    p.ok(["apply", "-y"], 0, { before: before("when=1") });
  },
);

test("C1 a file without a rootfs is refused with its place", (t) => {
  const p = project(t);
  p.write("envs/web.yaml", "version: 1\nname: web\n");
  refused(p, /rootfs/, /envs\/web\.yaml:1:1/);
});

test("C2 500 layers mount, and 501 are refused at plan", needs("root", "overlay"), (t) => {
  const p = project(t);
  const lowers = (count: number): string => {
    const names = Array.from(
      { length: count },
      (_, i) => `../many/${String(i).padStart(4, "0")}-${"x".repeat(60)}`,
    );
    for (const name of names) mkdirSync(join(p.dir, "envs", name), { recursive: true });
    return `lowers:\n${names.map((name) => `  - ${name}\n`).join("")}`;
  };
  mkdirSync(join(p.dir, "envs"));
  p.env("web", lowers(499));
  refused(p, /501 layers, and overlayfs takes 500/, /envs\/web\.yaml:503:/);
  p.env("web", lowers(498));
  p.write(`many/0497-${"x".repeat(60)}/lowest`, "seen");
  p.ok(["apply", "-y"]);
  assert.equal(p.ok(["run", "web", "--", "cat", "/lowest"]).stdout, "seen");
  p.ok(["drift"]);
});

test("C3 C4 long paths and options are never cut", needs("root", "overlay"), (t) => {
  const p = project(t);
  const deep = Array.from({ length: 6 }, () => "d".repeat(200)).join("/");
  p.write(`${deep}/from-deep`, "deep");
  p.env(
    "web",
    `lowers: [../${deep}]\noverlay: { options: { index: on, metacopy: on, redirect_dir: on, xino: on, volatile: true } }\n`,
  );
  p.ok(["apply", "-y"]);
  assert.equal(p.ok(["run", "web", "--", "cat", "/from-deep"]).stdout, "deep");
  assert.match(p.ok(["plan"]).stdout, /No changes/);
});

for (const [what, lowers] of [
  ["C5 one layer", ""],
  ["C6 two layers", "lowers: [../tools]\n"],
] as const) {
  test(`${what} without upper: read-only, EROFS`, needs("root", "overlay"), (t) => {
    const p = project(t);
    p.write("tools/tool", "t");
    p.env("web", `${lowers}overlay: { upper: none }\ntmpfs: [{ target: /tmp, size: 1MiB }]\n`);
    p.ok(["apply", "-y"]);
    const { stderr } = p.ok(["run", "web", "--", "touch", "/file"], 1);
    assert.match(stderr, /Read-only file system/);
    p.ok(["run", "web", "--", "touch", "/tmp/file"]);
    p.ok(["run", "--rm", "web", "--", "sh", "-c", "! touch /file"]);
    const shown = p.json<{ dirs: Record<string, unknown> }>(["show", "web"]);
    assert.equal(shown.dirs["UpperDir"], undefined);
    p.ok(["drift"]);
  });
}

test("C8 options that contradict each other are refused at plan", (t) => {
  const p = project(t);
  for (const redirect of ["off", "follow", "nofollow"]) {
    p.env("web", `overlay: { options: { metacopy: on, redirect_dir: ${redirect} } }\n`);
    refused(p, new RegExp(`metacopy=on excludes redirect_dir=${redirect}`), /envs\/web\.yaml:4:/);
    p.ok(["validate"], 3);
  }
  p.env("web", "overlay: { upper: none, options: { volatile: true } }\n");
  refused(p, /volatile has no meaning without an upper/, /:4:46/);
});

test("C8 metacopy alone brings the redirect_dir it needs", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web", "overlay: { options: { metacopy: on } }\n");
  p.ok(["apply", "-y"]);
  const table = readFileSync("/proc/self/mountinfo").toString().split("\n");
  assert.match(
    table.find((line) => line.includes(p.place("web", "merged")))!,
    /redirect_dir=on.*metacopy=on/,
  );
});

test("C10 hidden defaults of the kernel are not drift", needs("root", "overlay"), (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "tools"));
  p.env("web", "overlay: { options: { volatile: true } }\n");
  p.env("ro", "lowers: [../tools]\noverlay: { upper: none }\n");
  p.env("mem", "overlay: { upper: { tmpfs: 8MiB } }\n");
  p.ok(["apply", "-y"]);
  p.ok(["drift"]);
  p.ok(["plan", "--detailed-exitcode"]);
});

test("C19 changed lowers plan a replace, with the reason", needs("root", "overlay"), (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "tools"));
  p.env("web", "volumes: [../src:/work]\n");
  p.ok(["apply", "-y"]);
  p.env("web", "lowers: [../tools]\nvolumes: [../src:/work]\n");
  const plan = p.json<{ envs: { actions: { address: string; op: string; because?: string }[] }[] }>(["plan"]);
  const of = (address: string): unknown =>
    plan.envs[0]!.actions.filter((a) => a.address === address).map((a) => [a.op, a.because]);
  assert.deepEqual(of("web.overlay"), [["replace", "lowers_changed"]]);
  assert.deepEqual(of('web.volume["/work"]'), [["replace", "dependency_replaced"]]);
});
