// An upper that is mounted again, or cannot be: the kernel's own sentence (rows A9 to A13, C7, C9).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { flat, mounted } from "#test/overlay";
import { type Project, project } from "#test/project";
import { decode, encode } from "#record/encode";

guard();

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
    // Kernels before 6.13 take all options in one call of mount(2).
    const refusing = (n: number): string[] => {
      const calls = "fsconfig,mount";
      const inject = ["-e", `trace=${calls}`, "-e", `inject=${calls}:error=EINVAL:when=${n}`];
      return ["strace", "-f", "-qq", "-o", "/dev/null", ...inject];
    };
    const said = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(
      (n) => p.run(["apply", "-y"], { before: refusing(n) }).stderr,
    );
    const told = /fsconfig\([^)]*FSCONFIG_SET_STRING, "index", "off"|mount\("[^)]*\bindex=off\b/;
    assert.ok(
      said.some((text) => told.test(flat(text)) && text.includes("EINVAL")),
      said.join("\n"),
    );
    for (const text of said) assert.doesNotMatch(text, /special device/);
    p.ok(["apply", "-y"]);
  },
);
