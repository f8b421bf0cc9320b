// The kernel's overlayfs: what it takes, what it refuses, and who says so first (rows A1, A9 to A13, C1 to C18).
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { readMounts } from "#test/mountinfo";
import { decode, encode } from "#record/encode";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";

guard();

const flat = (text: string): string => text.replace(/\s*\n\s*\|?\s*/g, " ");

/** Refused with exit 3 before anything is there. */
function refused(p: Project, why: RegExp, at?: RegExp): void {
  const { stderr } = p.ok(["apply", "-y"], 3);
  assert.match(flat(stderr), why);
  if (at !== undefined) assert.match(stderr, at);
  assert.equal(p.exists("state"), false);
}

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

test("C7 an upper that another overlay uses is refused, and who says so", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web");
  p.ok(["run", "web", "--", "touch", "/mine"]);
  p.ok(["destroy", "-y", "--keep-upper", "web"]);
  const [upper, work] = [p.place("web", "rw/upper"), join(p.place("web", "rw"), "theirs")];
  mkdirSync(work);
  const options = `lowerdir=${join(p.dir, "rootfs")},upperdir=${upper},workdir=${work}`;
  const at = mounted(p, "overlay", options, "theirs");
  const { stderr } = p.ok(["apply", "-y"], 5);
  assert.match(flat(stderr), new RegExp(`its upper is in use by an overlay that is not envctl's.*${at}`));
  execFileSync("umount", [at]);
  p.ok(["apply", "-y"]);
  p.ok(["run", "web", "--", "test", "-e", "/mine"]);
  execFileSync("mount", ["-t", "tmpfs", "none", at]);
});

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
  const table = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  assert.match(
    table.find((line) => line.includes(p.place("web", "merged")))!,
    /redirect_dir=on.*metacopy=on/,
  );
});

test(
  "C9 a volatile upper is mounted again as long as the machine has not crashed",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    mkdirSync(join(p.dir, "tools"));
    const volatile = "overlay: { options: { volatile: true } }\n";
    p.env("web", volatile);
    p.ok(["run", "web", "--", "sh", "-c", "echo kept >/written"]);
    // Replaced, then kept and applied again, then without the option.
    p.env("web", `lowers: [../tools]\n${volatile}`);
    p.ok(["apply", "-y"]);
    p.ok(["destroy", "-y", "--keep-upper", "web"]);
    p.ok(["apply", "-y"]);
    p.env("web", "lowers: [../tools]\n");
    p.ok(["apply", "-y"]);
    assert.equal(p.ok(["run", "web", "--", "cat", "/written"]).stdout, "kept\n");
  },
);

test(
  "C9 a volatile upper from before a restart is recognised, with a way out",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.env("web", "overlay: { options: { volatile: true } }\n");
    p.ok(["run", "web", "--", "touch", "/written"]);
    execFileSync("umount", [p.place("web", "merged")]);
    // What a restart leaves: no mounts, and a record of another boot.
    const file = p.place("web", "env.json");
    const known = decode(readFileSync(file, "utf8"));
    assert.ok(known.kind === "record");
    writeFileSync(file, encode({ ...known.record, boot: "00000000-0000-0000-0000-000000000000" }));
    for (const command of [["plan"], ["apply", "-y"]]) {
      const { stderr } = p.ok(command, 1);
      assert.match(
        flat(stderr),
        /upper was volatile, and the machine was restarted since.*envctl destroy web, then apply/,
      );
    }
    p.ok(["destroy", "-y", "web"]);
    p.ok(["apply", "-y"]);
    p.ok(["run", "web", "--", "test", "!", "-e", "/written"]);
  },
);

test(
  "C9 index=on: an upper is mounted again over changed layers, and after it was kept",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    mkdirSync(join(p.dir, "tools"));
    const index = "overlay: { options: { index: on } }\n";
    p.env("web", index);
    p.ok(["run", "web", "--", "sh", "-c", "echo linked >/a && ln /a /b"]);
    p.ok(["destroy", "-y", "--keep-upper", "web"]);
    p.ok(["apply", "-y"]);
    p.env("web", `lowers: [../tools]\n${index}`);
    p.ok(["apply", "-y"]);
    assert.equal(p.ok(["run", "web", "--", "cat", "/b"]).stdout, "linked\n");
  },
);

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

/** A file system of a type, mounted for one test. */
function mounted(p: Project, type: string, options: string, dir: string): string {
  const at = join(p.dir, dir);
  mkdirSync(at, { recursive: true });
  execFileSync("mount", ["-t", type, "-o", options, "none", at]);
  p.after(() => void execFileSync("umount", [at]));
  return at;
}

function overlayAt(p: Project, lowers: readonly string[], dir: string): string {
  for (const sub of ["u", "w"]) mkdirSync(join(p.dir, `${dir}.${sub}`));
  const options = `lowerdir=${lowers.join(":")},upperdir=${join(p.dir, `${dir}.u`)},workdir=${join(p.dir, `${dir}.w`)}`;
  return mounted(p, "overlay", options, dir);
}

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

/** An environment with an upper that was kept, and the directory it is in. */
function kept(p: Project): string {
  p.env("web");
  p.ok(["run", "web", "--", "touch", "/mine"]);
  p.ok(["destroy", "-y", "--keep-upper", "web"]);
  return p.place("web", "rw");
}

/** The kernel's own sentence is shown, and nothing is left mounted; without what was in the way it works, with what was written. */
function toldByKernel(p: Project, why: RegExp, mend: () => void): void {
  const mounts = p.mounts().length;
  const { stderr } = p.ok(["apply", "-y"], 1);
  assert.match(flat(stderr), why);
  assert.doesNotMatch(stderr, /special device/);
  assert.equal(p.mounts().length, mounts);
  mend();
  p.ok(["run", "web", "--", "test", "-e", "/mine"]);
}

const SAME_MOUNT = /why\s+overlayfs: workdir and upperdir must reside under the same mount/;

test("A9 work that is a part of upper: the kernel's own sentence", needs("root", "overlay"), (t) => {
  const p = project(t);
  const rw = kept(p);
  mkdirSync(join(rw, "upper/inside"));
  execFileSync("mount", ["--bind", join(rw, "upper/inside"), join(rw, "work")]);
  toldByKernel(p, SAME_MOUNT, () => execFileSync("umount", [join(rw, "work")]));
});

test(
  "A10 a workdir that is missing is made again; one that is a file is named",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const work = join(kept(p), "work");
    rmSync(work, { recursive: true });
    writeFileSync(work, "");
    toldByKernel(p, /cannot create rw\/work.*"work".*ENOTDIR/s, () => rmSync(work));
    assert.equal(lstatSync(work).isDirectory(), true);
  },
);

test("A11 a layer that disappears after the plan is named", needs("root", "overlay"), (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "tools"));
  p.env("web", "lowers: [../tools]\n");
  p.ok(["plan", "--out", "web.plan"]);
  rmSync(join(p.dir, "tools"), { recursive: true });
  const { stderr } = p.ok(["apply", "--plan", "web.plan"], 3);
  assert.match(flat(stderr), /envs\/web\.yaml:4:10: no such file or directory.*looked at .*\/tools/);
  assert.doesNotMatch(stderr, /special device/);
});

test("A12 work on another file system: the kernel's own sentence", needs("root", "overlay"), (t) => {
  const p = project(t);
  const rw = kept(p);
  execFileSync("mount", ["-t", "tmpfs", "none", join(rw, "work")]);
  toldByKernel(p, SAME_MOUNT, () => execFileSync("umount", [join(rw, "work")]));
});

test(
  "A13 an option that the kernel does not know is named",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = project(t);
    p.env("web");
    p.ok(["apply", "-y"]);
    p.ok(["destroy", "-y", "web"]);
    const refusing = (n: number): string[] => [
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      "-e",
      "trace=fsconfig",
      "-e",
      `inject=fsconfig:error=EINVAL:when=${n}`,
    ];
    const said = [3, 4, 5, 6, 7, 8, 9, 10].map((n) => p.run(["apply", "-y"], { before: refusing(n) }).stderr);
    assert.ok(
      said.some(
        (text) =>
          /fsconfig\([^)]*FSCONFIG_SET_STRING, "index", "off"/.test(flat(text)) && text.includes("EINVAL"),
      ),
      said.join("\n"),
    );
    for (const text of said) assert.doesNotMatch(text, /special device/);
    p.ok(["apply", "-y"]);
  },
);

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
