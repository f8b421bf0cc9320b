import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs, onPath } from "#test/needs";
import { project, type Project } from "#test/project";

guard();
const ALL = needs("root", "overlay", "program:bash", "program:ls");
const [BASH, LS] = [onPath("bash"), onPath("ls")];

const layers = (p: Project): readonly string[] => readdirSync(join(p.state, "layers/sha256"));

/** Paths of the only stored layer. */
function tree(p: Project): readonly string[] {
  const [digest, ...more] = layers(p);
  assert.deepEqual(more, []);
  const { stdout } = spawnSync("find", [".", "!", "-type", "d", "-printf", "%P\n"], {
    cwd: join(p.state, "layers/sha256", digest!),
    encoding: "utf8",
  });
  return stdout.split("\n").filter(Boolean);
}

/** What ldd says a program loads: the paths as the loader would open them. */
const loads = (program: string): readonly string[] =>
  [...spawnSync("ldd", [program], { encoding: "utf8" }).stdout.matchAll(/(?:=> |^\s)(\/\S+) \(0x/gm)].map(
    ([, path]) => path!,
  );

test("D1 bash and ls with their full closure, loader included, run in it", ALL, (t) => {
  const p = project(t);
  p.env("tools", `rootfs: { host: [${BASH}, ${LS}] }\n`);
  assert.match(
    p.ok(["plan", "tools"]).stdout,
    /\+ +rootfs\n +host +\/\S+\/bash, \/\S+\/ls +copied with all they need\n/,
  );
  p.ok(["apply", "tools", "-y"]);
  const { stdout } = p.ok(["run", "tools", "--", BASH!, "-c", `${LS} -d ${LS}; echo from $BASH`]);
  assert.equal(stdout, `${LS}\nfrom ${BASH}\n`);
  p.ok(["plan", "--detailed-exitcode", "tools"]);
  assert.ok(!p.lines(["apply", "tools", "-y"]).some((line) => line["step"] === "store_layer"));
});

test(
  "D1 every path ldd names is there, and nothing else",
  needs("root", "overlay", "program:ldd", "program:bash"),
  (t) => {
    const p = project(t);
    p.env("tools", `rootfs: { host: [${BASH}, ${LS}] }\n`);
    p.ok(["apply", "tools", "-y"]);
    const wanted = [BASH!, LS!, ...loads(BASH!), ...loads(LS!)].map((path) => realpathSync(path).slice(1));
    const layer = join(p.state, "layers/sha256", layers(p)[0]!);
    const files = tree(p).filter((path) => lstatSync(join(layer, path)).isFile());
    assert.deepEqual(files.filter((path) => path !== "etc/ld.so.cache").sort(), [...new Set(wanted)].sort());
    assert.equal(statSync(join(layer, realpathSync(BASH!))).mode & 0o777, statSync(BASH!).mode & 0o777);
  },
);

test(
  "D1 a script brings its interpreter, one that asks env for it too, and symlinks stay symlinks",
  ALL,
  (t) => {
    const p = project(t);
    const sh = p.write("bin/plain", "#!/bin/sh\necho plain\n", 0o755);
    const env = p.write("bin/asking", "#!/usr/bin/env bash\necho asking ${BASH_VERSION:+bash}\n", 0o755);
    spawnSync("ln", ["-s", "plain", join(dirname(sh), "link")]);
    p.env("tools", `rootfs: { host: [${dirname(sh)}/link, ${env}] }\n`);
    p.ok(["apply", "tools", "-y"]);
    assert.equal(p.ok(["run", "tools", "--", join(dirname(sh), "link")]).stdout, "plain\n");
    assert.equal(p.ok(["run", "tools", "--", env]).stdout, "asking bash\n");
    const layer = join(p.state, "layers/sha256", layers(p)[0]!);
    assert.ok(lstatSync(join(layer, dirname(sh), "link")).isSymbolicLink());
    assert.equal(lstatSync(join(layer, "/bin")).isSymbolicLink(), lstatSync("/bin").isSymbolicLink());
  },
);

test(
  "D1 a library is found as its loader finds it: run path, $ORIGIN, and what the library itself needs",
  needs("root", "overlay", "program:gcc"),
  (t) => {
    const p = project(t);
    const dir = join(p.dir, "opt");
    const build = (out: string, code: string, ...flags: readonly string[]): string => {
      p.write("opt/bin/x", "");
      p.write("opt/lib/deep/x", "");
      const { status, stderr } = spawnSync(
        "gcc",
        ["-x", "c", "-", "-x", "none", "-o", join(dir, out), ...flags],
        { input: code, encoding: "utf8" },
      );
      assert.equal(status, 0, stderr);
      return join(dir, out);
    };
    build("lib/deep/libinner.so", "int inner(void){return 42;}", "-shared");
    build(
      "lib/libouter.so",
      "int inner(void);int outer(void){return inner();}",
      "-shared",
      `-L${dir}/lib/deep`,
      "-linner",
      "-Wl,-rpath,$ORIGIN/deep",
    );
    const main = build(
      "bin/main",
      "int outer(void);int main(void){return outer();}",
      `-L${dir}/lib`,
      "-louter",
      `-Wl,-rpath-link,${dir}/lib/deep`,
      "-Wl,-rpath,$ORIGIN/../lib",
    );
    p.env("tools", `rootfs: { host: [${main}] }\n`);
    p.ok(["apply", "tools", "-y"]);
    assert.equal(p.run(["run", "tools", "--", main]).code, 42);
    spawnSync("rm", [join(dir, "lib/deep/libinner.so")]);
    const { stderr } = p.ok(["plan", "tools"], 3);
    assert.match(stderr, /tools\.yaml:3:18: a library is missing/);
    assert.match(stderr.replace(/[\s|]+/g, " "), /libouter\.so needs libinner\.so/);
  },
);

test("D1 a changed host program is a replace; a touched one is nothing", ALL, (t) => {
  const p = project(t);
  const program = join(p.dir, "mine");
  copyFileSync(LS!, program);
  spawnSync("chmod", ["755", program]);
  p.env("tools", `rootfs: { host: [${BASH}, ${program}] }\n`);
  p.ok(["apply", "tools", "-y"]);
  spawnSync("touch", [program]);
  p.ok(["plan", "--detailed-exitcode", "tools"]);
  copyFileSync(onPath("cat")!, program);
  const plan = p.json<{ envs: { actions: Record<string, unknown>[] }[] }>(["plan", "tools"]);
  assert.deepEqual(
    plan.envs[0]!.actions.map((a) => [a["address"], a["op"], a["because"]]),
    [
      ["tools.rootfs", "replace", "rootfs_changed"],
      ["tools.overlay", "replace", "rootfs_changed"],
    ],
  );
  p.ok(["apply", "tools", "-y"]);
  assert.equal(p.ok(["run", "tools", "--", program], 0, { input: "" }).stdout, "");
  assert.equal(layers(p).length, 2);
});

test("D1 what is no program is pointed at, and nothing is made", ALL, (t) => {
  const p = project(t);
  const data = p.write("data", "text", 0o644);
  const broken = p.write("broken", "\x7fELF and no more", 0o755);
  const says = (list: string, message: RegExp): void => {
    p.env("tools", `rootfs: { host: [${list}] }\n`);
    assert.match(p.ok(["plan", "tools"], 3).stderr.replace(/[\s|]+/g, " "), message);
  };
  says(`${BASH}, /nowhere/prog`, /tools\.yaml:3:\d+: no such program[^]*\/nowhere\/prog/);
  says(data, /not a program[^]*not executable/);
  says("/usr", /not a program[^]*a dir/);
  says(broken, /not a program[^]*ELF headers are damaged/);
  says(p.write("script", "#!/nowhere/interpreter\n", 0o755), /no such program[^]*the interpreter of/);
  assert.ok(!existsSync(p.state));
});

test("D1 host programs as a layer above a rootfs, in a throwaway run", ALL, (t) => {
  const p = project(t);
  p.env("tools", `lowers: [{ host: [${BASH}] }]\n`);
  assert.equal(p.ok(["run", "--rm", "tools", "--", BASH!, "-c", "echo $((6*7))"]).stdout, "42\n");
});

test(
  "D1 name services and locales come on request, and secrets never",
  needs("root", "overlay", "program:id"),
  (t) => {
    const p = project(t);
    const id = onPath("id")!;
    p.env("bare", `rootfs: { host: [${id}] }\n`);
    p.ok(["run", "--rm", "bare", "--", id, "-un"], 1);
    p.env("names", `rootfs:\n  host:\n    programs: [${id}]\n    nss: true\n    locales: [C.UTF-8]\n`);
    assert.equal(p.ok(["run", "--rm", "names", "--", id, "-un"]).stdout, "root\n");
    p.ok(["apply", "-y", "names"]);
    const merged = p.place("names", "merged");
    for (const path of ["etc/nsswitch.conf", "etc/passwd", "etc/group"])
      assert.equal(existsSync(join(merged, path)), existsSync(join("/", path)), path);
    for (const path of ["etc/shadow", "etc/gshadow"]) assert.ok(!existsSync(join(merged, path)), path);
    const modules = (root: string): readonly string[] =>
      ["lib", "usr/lib", "lib64", "usr/lib64"]
        .flatMap((dir) => [join(root, dir), ...subdirectories(join(root, dir))])
        .flatMap((dir) => (existsSync(dir) ? readdirSync(dir) : []))
        .filter((name) => name === "libnss_files.so.2");
    assert.equal(modules(merged).length > 0, modules("/").length > 0);
    assert.ok(
      existsSync(join(merged, "usr/lib/locale/C.utf8/LC_CTYPE")) ||
        existsSync(join(merged, "usr/lib/locale/locale-archive")),
    );
    p.env(
      "names",
      `rootfs:\n  host:\n    programs: [${id}, /nowhere]\n    locales: [C.UTF-8, xx_YY.UTF-8]\n`,
    );
    assert.match(p.ok(["plan", "names"], 3).stderr, /names\.yaml:5:\d+: no such program/);
    p.env("names", `rootfs:\n  host:\n    programs: [${id}]\n    locales: [C.UTF-8, xx_YY.UTF-8]\n`);
    assert.match(
      p.ok(["plan", "names"], 3).stderr,
      /names\.yaml:6:\d+: no such locale\n[^]*this host has .*C\.utf8/,
    );
  },
);

const subdirectories = (dir: string): readonly string[] =>
  existsSync(dir)
    ? readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [join(dir, e.name)] : []))
    : [];
