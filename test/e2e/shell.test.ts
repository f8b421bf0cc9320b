// What a shell script of mount, chroot and rm does, without its accidents (rows A4 to A17).
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { tempDir } from "#test/fixtures";
import { guard } from "#test/guard";
import { overlayDirs } from "#test/mountinfo";
import { needs } from "#test/needs";
import { occupant, runs, until } from "#test/occupant";
import { type Project, project, type RunOptions } from "#test/project";
import { paths, tree } from "#test/tree";
import { xattr } from "#test/xattr";

guard();

/** What the init layer adds to a rootfs that has /proc, /sys and /dev (row D7). */
const INIT = ["etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"];

const upper = (p: Project, name: string): string => p.place(name, "rw/upper");

test("A4 apply gives one overlay, its paths absolute", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("tools/bin/tool", "");
  p.env("web", "rootfs: ../rootfs\nlowers: [../tools]\n");
  p.ok(["apply", "-y", "envs/web.yaml", "--state-dir", "./state"]);
  const dir = p.place("web");
  const [overlay, ...more] = p.mounts();
  assert.deepEqual(more, []);
  assert.equal(overlay?.point, join(dir, "merged"));
  assert.equal(overlay.type, "overlay");
  assert.equal(overlay.source, `envctl:${p.lineage()}:${p.id("web")}`);
  const absolute = [
    `lowerdir+=${dir}/init`,
    `lowerdir+=${p.dir}/tools`,
    `lowerdir+=${p.dir}/rootfs`,
    `upperdir=${dir}/rw/upper`,
    `workdir=${dir}/rw/work`,
  ];
  const shown = overlayDirs(overlay);
  if (shown !== undefined) assert.deepEqual(shown, absolute);
  p.ok(["apply", "-y", "web"]);
  assert.equal(p.mounts().length, 1, "and no second one over it");
});

test("A5 merged lists what rootfs lists", needs("root", "overlay"), (t) => {
  const p = project(t);
  const odd = Buffer.concat([Buffer.from(join(p.dir, "rootfs/root/not-utf8-")), Buffer.from([0xff, 0xfe])]);
  writeFileSync(odd, "x");
  writeFileSync(join(p.dir, "rootfs/root/a b\tc\nd:e,f\\g"), "y");
  symlinkSync("../../nowhere", join(p.dir, "rootfs/root/dangling"));
  writeFileSync(join(p.dir, "rootfs/bin/setuid"), "z");
  chmodSync(join(p.dir, "rootfs/bin/setuid"), 0o4755);
  chmodSync(join(p.dir, "rootfs/root"), 0o700);
  chmodSync(join(p.dir, "rootfs"), 0o751);
  const rootfs = tree(join(p.dir, "rootfs"), { root: true });
  p.env("web");
  p.ok(["apply", "-y", "web"]);
  const merged = tree(p.place("web", "merged"), { root: true });
  assert.deepEqual(
    Object.keys(merged).filter((path) => !(path in rootfs)),
    INIT,
  );
  assert.deepEqual(Object.fromEntries(Object.entries(merged).filter(([path]) => path in rootfs)), rootfs);
});

test("A6 a file deleted inside is a 0:0 device in upper, and intact below", needs("root", "overlay"), (t) => {
  const p = project(t);
  const before = tree(join(p.dir, "rootfs"), { times: true });
  p.env("web");
  p.ok(["run", "web", "--", "rm", "/etc/passwd"]);
  assert.deepEqual(tree(upper(p, "web")), { etc: "dir 755 0:0", "etc/passwd": "char 0 0:0 0:0" });
  p.ok(["run", "web", "--", "test", "-e", "/etc/passwd"], 1);
  assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true }), before);
});

test("A7 a directory deleted and made again is opaque", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("rootfs/srv/old/file", "from below");
  const before = tree(join(p.dir, "rootfs"), { times: true });
  p.env("web");
  p.ok(["run", "web", "--", "sh", "-c", "rm -r /srv/old && mkdir /srv/old && echo new >/srv/old/new"]);
  const made = join(upper(p, "web"), "srv/old");
  assert.equal(xattr(made, "trusted.overlay.opaque"), "y");
  assert.deepEqual(paths(upper(p, "web")), ["srv", "srv/old", "srv/old/new"]);
  assert.equal(p.ok(["run", "web", "--", "ls", "/srv/old"]).stdout, "new\n");
  assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true }), before);
});

test("A8 a new file lands in upper, and nothing else does", needs("root", "overlay"), (t) => {
  const p = project(t);
  const lowers = (): unknown =>
    [p.place("web", "init"), join(p.dir, "rootfs")].map((dir) => tree(dir, { times: true }));
  p.write("conf", "a file to mount");
  mkdirSync(join(p.dir, "data"));
  // Mount points that no layer has, for a directory, a file and a tmpfs, in directories that a layer has and that none has.
  p.env(
    "web",
    `volumes: [../data:/new/data, "../conf:/etc/web.conf:ro"]\ntmpfs: [{ target: /var/cache/scratch, size: 1MiB }]\n`,
  );
  p.ok(["apply", "-y", "web"]);
  assert.deepEqual(paths(upper(p, "web")), [], "after apply");
  const before = lowers();
  p.ok(["run", "web", "--", "true"]);
  assert.deepEqual(paths(upper(p, "web")), [], "after a run that writes nothing");
  p.ok([
    "run",
    "web",
    "--",
    "sh",
    "-c",
    "echo new >/new-file && echo cfg >/etc/new.conf && echo v >/new/data/f && echo t >/var/cache/scratch/f",
  ]);
  assert.deepEqual(paths(upper(p, "web")), ["etc", "etc/new.conf", "new-file"]);
  assert.deepEqual(lowers(), before);
  assert.equal(p.read("data/f"), "v\n");
});

test("A14 rm -rf /* inside, destroy, apply: everything is back", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("src/main.c", "int main;");
  p.write("rootfs/root/deep/er/file", "x", 0o600);
  p.env("web", "volumes: [../src:/work:ro]\n");
  const untouched = (): unknown =>
    [join(p.dir, "rootfs"), join(p.dir, "src")].map((dir) => tree(dir, { times: true, root: true }));
  const before = untouched();
  p.ok(["apply", "-y", "web"]);
  const full = tree(p.place("web", "merged"), { root: true });
  p.run(["run", "web", "--", "sh", "-c", "rm -rf /*"]);
  p.ok(["run", "web", "--", "ls"], 127);
  assert.deepEqual(untouched(), before, "the rootfs and a read-only volume, after rm");
  p.ok(["destroy", "-y", "web"]);
  p.ok(["apply", "-y", "web"]);
  assert.deepEqual(tree(p.place("web", "merged"), { root: true }), full);
  p.ok(["run", "web", "--", "ls"]);
  assert.deepEqual(untouched(), before);
});

/** Everything of the environments and what is mounted there; not the exclusion lock, in which the last command is noted. */
const held = (p: Project): unknown => ({
  files: tree(join(p.state, "envs"), { times: true }),
  mounts: p.mounts().map((m) => m.line),
  cgroups: p.cgroups(),
});

for (const [where, program] of [
  ["merged", "sleep"],
  ["merged/etc", "sleep"],
  ["merged/data/sub", "cat"],
] as const) {
  test(
    `A15 destroy with a process in ${where} names it, deletes nothing, and succeeds after it left`,
    needs("root", "overlay"),
    async (t) => {
      const p = project(t);
      p.write("data/sub/file", "x");
      p.env("web", "volumes: [../data:/data]\nlimits: { pids: 50 }\n");
      p.ok(["run", "web", "--", "touch", "/written"]);
      const inside = occupant(p, program === "cat" ? ["cat"] : ["sleep", "1234"], {
        cwd: p.place("web", where),
        stdio: "pipe",
      });
      await until("it runs", () => runs(inside.pid, program));
      const before = held(p);
      const refused = p.ok(["destroy", "-y", "web"], 5);
      const line = refused.stderr.split("\n").find((l) => l.includes(String(inside.pid))) ?? refused.stderr;
      assert.match(line, program === "cat" ? /\bcat$/ : /\bsleep 1234$/);
      assert.match(line, new RegExp(`cwd\\s+${where === "merged" ? "/" : where.slice("merged".length)}\\s`));
      p.ok(["destroy", "-y", "--all"], 5);
      const [planned] = p.lines(["destroy", "-y", "web"], 5).filter((l) => l["event"] === "planned");
      const [env] = planned!["envs"] as { blocked: { pid: number; command: string }[] }[];
      assert.deepEqual(
        env?.blocked.map((b) => b.pid),
        [inside.pid],
      );
      assert.deepEqual(held(p), before);
      p.ok(["run", "web", "--", "test", "-e", "/written"]);
      await inside.end();
      p.ok(["destroy", "-y", "web"]);
      assert.deepEqual(p.mounts(), []);
      assert.deepEqual(paths(join(p.state, "envs")), []);
    },
  );
}

test("A16 the entry finds programs by name whatever PATH its caller has", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web", "entry: { command: [env] }\n");
  p.env("own", "entry: { command: [env], env: { PATH: /usr/bin:/bin } }\n");
  const pathIn = (name: string, path: string): string | undefined =>
    p
      .ok(["run", name], 0, { env: { PATH: path } })
      .stdout.split("\n")
      .find((line) => line.startsWith("PATH="));
  for (const callers of ["/opt/callers/bin", ""]) {
    assert.equal(pathIn("web", callers), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    assert.equal(pathIn("own", callers), "PATH=/usr/bin:/bin", "what the file says counts");
  }
});

test("A17 the result is the same from any working directory", needs("root", "overlay"), (t) => {
  const elsewhere = tempDir(t);
  const p = project(t);
  p.write("src/file", "x");
  p.write("tools/bin/tool", "x");
  p.env("web", "lowers: [../tools]\nvolumes: [../src:/work:ro, ../made/by/apply:/made]\n");
  symlinkSync(p.dir, join(elsewhere, "link"));
  const file = join(p.dir, "envs/web.yaml");
  const ways: readonly { words: readonly string[]; cwd: string }[] = [
    { cwd: p.dir, words: ["web"] },
    { cwd: p.dir, words: [] },
    { cwd: "/", words: [file] },
    { cwd: join(p.dir, "rootfs/bin"), words: ["../../envs/web.yaml"] },
    { cwd: "/", words: ["-C", p.dir, "web"] },
    { cwd: join(p.dir, "rootfs/bin"), words: ["-C", "../../envs", "./web.yaml"] },
    { cwd: elsewhere, words: ["link/envs/web.yaml"] },
  ];
  const seen = ways.map(({ words, cwd }) => outcome(p, words, { cwd }));
  for (const [i, one] of seen.entries())
    assert.deepEqual(one, seen[0], `as ${ways[i]!.words.join(" ")} in ${ways[i]!.cwd}`);
});

/** What an apply leaves to see, after which it is destroyed in the same words. */
function outcome(p: Project, words: readonly string[], options: RunOptions): unknown {
  p.ok(["apply", "-y", ...words], 0, options);
  assert.match(p.ok(["plan", ...words], 0, options).stdout, /No changes/);
  const { applied_at: _, ...shown } = p.json(["show", "web"], 0, options);
  const mounts = p.mounts().map((m) => m.line.replace(/ \d+:\d+$/, ""));
  const merged = paths(p.place("web", "merged"));
  p.ok(["destroy", "-y", ...words], 0, options);
  rmSync(join(p.dir, "made"), { recursive: true });
  return { shown, mounts, merged };
}

test(
  "A17 absolute paths do where the working directory was deleted; relative ones are refused",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const file = p.env("web");
    /** The working directory goes before envctl starts, as after a destroy by somebody else. */
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
    const from = (...args: string[]): ReturnType<Project["run"]> =>
      p.run(args, { before: ["sh", "-c", script, "sh"] });
    assert.equal(from("apply", "-y", file).code, 0);
    assert.equal(from("run", file, "--", "true").code, 0);
    assert.equal(from("-C", p.dir, "run", "web", "--", "true").code, 0);
    assert.equal(from("plan").code, 3);
    assert.equal(from("apply", "-y", "--state-dir", "relative", file).code, 1);
    assert.deepEqual(
      paths(p.dir).filter((path) => /gone|relative/.test(path)),
      [],
    );
    assert.equal(from("destroy", "-y", "web").code, 0);
  },
);

test("A17 -C to nowhere is a mistake on the command line", (t) => {
  const p = project(t);
  const { stderr } = p.ok(["-C", "/does/not/exist", "apply", "-y", "web"], 3);
  assert.match(stderr, /-C \/does\/not\/exist: ENOENT: no such file or directory/);
  assert.equal(p.exists("state"), false);
});
