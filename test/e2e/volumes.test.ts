// Volumes: in what order they come and go, what of the host they make, what they never touch (rows E20 to E27).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { occupant, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { tree } from "#test/tree";

guard();

const REAL = needs("root", "overlay");
const TRACED = needs("root", "overlay", "program:strace");

/** Whether a process has become sleep(1), whatever implements it. */
const sleeps = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sleep\0");

/** Where everything mounted for an environment lies, as the inside sees it, each with what it is mounted on. */
function stacked(p: Project, name: string): readonly (readonly [point: string, on: string])[] {
  const merged = p.place(name, "merged");
  const mounts = mountTree(merged);
  const inside = (point: string): string => point.slice(merged.length) || "/";
  return mounts.map(({ point, parent }) => [
    inside(point),
    inside(mounts.find((m) => m.id === parent)?.point ?? merged),
  ]);
}

test(
  "E20 E21 volumes hang in the overlay, parents before children; destroy takes them in reverse",
  TRACED,
  (t) => {
    const p = project(t);
    for (const dir of ["a", "b", "c"]) p.write(`${dir}/here`, dir);
    p.env(
      "web",
      "volumes: [../a:/data/sub/deep, ../b:/data, ../c:/data/sub, ../a:/data-x, ../b:/A]\ntmpfs: [{ target: /data/sub/deep/t, size: 1MiB }]\n",
    );
    p.ok(["apply", "-y", "web"]);
    const [overlay, ...volumes] = stacked(p, "web");
    assert.deepEqual(overlay, ["/", "/"]);
    assert.deepEqual(
      new Map(volumes),
      new Map([
        ["/A", "/"],
        ["/data", "/"],
        ["/data-x", "/"],
        ["/data/sub", "/data"],
        ["/data/sub/deep", "/data/sub"],
        ["/data/sub/deep/t", "/data/sub/deep"],
      ]),
    );
    const made = volumes.map(([point]) => point);
    const log = join(p.dir, "log");
    p.ok(["destroy", "-y", "web"], 0, { before: ["strace", "-f", "-y", "-o", log, "-e", "trace=umount2"] });
    const merged = join(p.state, "envs");
    const gone = [
      ...readFileSync(log, "utf8").matchAll(
        /umount2\("\/proc\/self\/fd\/\d+(?:<([^>]*)>)?\/([^"]+)", UMOUNT_NOFOLLOW\) = 0/g,
      ),
    ];
    assert.equal(gone.length, made.length + 1, merged);
    assert.deepEqual(
      gone.map(([, , last]) => last),
      [...made.map((point) => point.split("/").at(-1)).reverse(), "merged"],
    );
    assert.deepEqual(p.mounts(), []);
  },
);

test(
  "E21 a volume put over another's parent later makes that one anew; each change touches what it must",
  REAL,
  (t) => {
    const p = project(t);
    for (const dir of ["a", "b", "c"]) p.write(`${dir}/here`, dir);
    mkdirSync(join(p.dir, "b/sub"));
    p.env("web", "volumes: [../a:/data/sub, ../c:/other]\n");
    p.ok(["apply", "-y", "web"]);
    const before = mountTree(p.state);
    p.env("web", "volumes: [../a:/data/sub, ../c:/other, ../b:/data]\n");
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(
      new Map(stacked(p, "web").slice(1)),
      new Map([
        ["/other", "/"],
        ["/data", "/"],
        ["/data/sub", "/data"],
      ]),
    );
    const other = (mounts: typeof before): unknown => mounts.find(({ point }) => point.endsWith("/other"));
    assert.deepEqual(other(mountTree(p.state)), other(before));
    assert.equal(p.ok(["run", "web", "--", "cat", "/data/here", "/data/sub/here"]).stdout, "ba");
    p.env("web", "volumes: [../c:/other]\n");
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(stacked(p, "web").slice(1), [["/other", "/"]]);
    p.ok(["drift", "web"]);
  },
);

test(
  "E22 a missing rw directory: the plan says so, apply makes it 0755 with its parent's owner",
  REAL,
  (t) => {
    const p = project(t);
    p.write("theirs/here", "");
    chownSync(join(p.dir, "theirs"), 1234, 4321);
    chmodSync(join(p.dir, "theirs"), 0o2770);
    p.env("web", "volumes: [../theirs/new/deep:/cache, ../mine:/mine]\n");
    const plan = p.ok(["plan", "web"]).stdout;
    assert.match(plan, /^ +creates +\S*theirs\/new +0755, owner 1234:4321\n +\S*theirs\/new\/deep$/m);
    assert.match(plan, /^ +creates +\S*mine +0755, owner 0:0$/m);
    assert.equal(p.exists("theirs/new") || p.exists("mine"), false, "plan makes nothing");
    const before = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
    p.ok(["apply", "-y", "web"], 0, { before });
    for (const [path, uid, gid] of [
      ["theirs/new", 1234, 4321],
      ["theirs/new/deep", 1234, 4321],
      ["mine", 0, 0],
    ] as const) {
      const stat = statSync(join(p.dir, path));
      assert.deepEqual([stat.mode & 0o7777, stat.uid, stat.gid], [0o755, uid, gid], path);
    }
    p.ok(["plan", "--detailed-exitcode", "web"]);
    p.ok(["destroy", "-y", "web"]);
    assert.ok(p.exists("theirs/new/deep") && p.exists("mine"), "destroy leaves what lies outside its state");
  },
);

test("E22 a failed apply takes the directories it made away again, and no others", TRACED, (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "there"));
  p.env("web", "volumes: [../there/new/deep:/cache, ../gone:/gone]\nlimits: { pids: 9 }\n");
  const before = ["strace", "-f", "-o", join(p.dir, "log"), "-e", "inject=move_mount:error=EPERM:when=3"];
  assert.notEqual(p.run(["apply", "-y", "web"], { before }).code, 0);
  assert.match(readFileSync(join(p.dir, "log"), "utf8"), /INJECTED/);
  assert.deepEqual(readdirSync(join(p.dir, "there")), []);
  assert.equal(p.exists("gone"), false);
  assert.deepEqual(p.mounts(), []);
  p.ok(["run", "--rm", "web", "--", "true"]);
  assert.ok(p.exists("there/new/deep"), "a throwaway run makes them too");
});

test("E22 a missing ro source is an error that suggests the near path", REAL, (t) => {
  const p = project(t);
  p.write("source-code/here", "");
  p.write("data/config.json", "{}");
  symlinkSync("nowhere", join(p.dir, "dangling"));
  p.env(
    "web",
    "volumes:\n  - ../sourcecode:/work:ro\n  - ../data/confg.json:/c:ro\n  - ../zzz:/z:ro\n  - ../dangling:/d\n  - ../data/config.json/x:/e\n",
  );
  const { stderr } = p.ok(["plan", "web"], 3);
  assert.match(
    stderr,
    /^envs\/web\.yaml:5:5: no such file or directory\n.*\n +\| +\^{13} did you mean "\.\.\/source-code"\?$/m,
  );
  assert.match(stderr, /^envs\/web\.yaml:6:5: .*\n.*\n +\| +\^+ did you mean "\.\.\/data\/config\.json"\?$/m);
  assert.match(stderr, /^envs\/web\.yaml:7:5: .*\n.*\n +\| +\^+ looked at \S*\/zzz$/m);
  assert.match(stderr, /^envs\/web\.yaml:8:5: a dangling symlink\n/m);
  assert.match(stderr, /^envs\/web\.yaml:9:5: cannot be created\n/m);
  p.ok(["apply", "-y", "web"], 3);
  p.ok(["run", "--rm", "web", "--", "true"], 125);
  assert.equal(p.exists("zzz"), false);
});

test("E23 volume data survives destroy, and another environment on the same volume", REAL, (t) => {
  const p = project(t);
  p.write("shared/old", "old");
  chmodSync(join(p.dir, "shared"), 0o711);
  for (const name of ["one", "two"]) p.env(name, "volumes: [../shared:/data]\n");
  p.ok([
    "run",
    "one",
    "--",
    "sh",
    "-c",
    "echo new > /data/new; mkdir /data/dir; echo x > /data/dir/x; rm /data/old",
  ]);
  p.ok(["apply", "-y", "two"]);
  const written = tree(join(p.dir, "shared"), { times: true, root: true });
  p.ok(["destroy", "-y", "one"]);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true, root: true }), written);
  assert.equal(p.ok(["run", "two", "--", "cat", "/data/new", "/data/dir/x"]).stdout, "new\nx\n");
  p.ok(["run", "--rm", "two", "--", "true"]);
  p.ok(["destroy", "-y", "two"]);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true, root: true }), written);
  assert.match(written["."]!, /^dir 711 /);
});

test("E24 a process that holds a volume: destroy names it, exits 5 and touches nothing", REAL, async (t) => {
  const p = project(t);
  p.write("shared/sub/file", "precious");
  p.env("web", "volumes: [../shared:/data]\n");
  p.ok(["run", "web", "--", "sh", "-c", "echo written > /root/inside"]);
  const holder = occupant(p, ["sleep", "600"], { cwd: p.place("web", "merged/data/sub") });
  await until("it sleeps", () => sleeps(holder.pid));
  const [mounts, shared, upper] = [
    mountTree(p.state),
    tree(join(p.dir, "shared"), { times: true }),
    tree(p.place("web", "rw/upper")),
  ];
  const { stderr } = p.ok(["destroy", "-y", "web"], 5);
  assert.match(stderr, new RegExp(`^ +${holder.pid} .* cwd +/data/sub +sleep 600$`, "m"));
  assert.deepEqual(mountTree(p.state), mounts);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true }), shared);
  assert.deepEqual(tree(p.place("web", "rw/upper")), upper);
  await holder.end();
  p.ok(["destroy", "-y", "web"]);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true }), shared);
});

for (const [what, injection] of [
  ["the kernel refuses", "error=EBUSY"],
  ["the kernel refuses the second of", "error=EBUSY:when=2+"],
  ["the kernel only says that it did", "retval=0"],
] as const) {
  test(`E24 ${what} unmounts: no host file is deleted, and the next destroy finishes`, TRACED, (t) => {
    const p = project(t);
    p.write("shared/sub/file", "precious");
    p.write("other/file", "too");
    p.env("web", "volumes: [../shared:/data, ../other:/data/sub]\nlimits: { pids: 9 }\n");
    p.ok(["run", "web", "--", "sh", "-c", "echo written > /root/inside"]);
    const all = (): unknown => [
      tree(join(p.dir, "shared"), { times: true }),
      tree(join(p.dir, "other"), { times: true }),
    ];
    const [before, rootfs] = [all(), tree(join(p.dir, "rootfs"), { times: true })];
    const log = join(p.dir, "log");
    const strace = ["strace", "-f", "-o", log, "-e", "trace=umount2", "-e", `inject=umount2:${injection}`];
    assert.notEqual(p.run(["destroy", "-y", "web"], { before: strace }).code, 0);
    assert.match(readFileSync(log, "utf8"), /INJECTED/);
    assert.deepEqual(all(), before);
    assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true }), rootfs);
    assert.equal(
      p.read(`state/envs/${p.id("web")}/rw/upper/root/inside`),
      "written\n",
      "nor is what was written inside",
    );
    p.ok(["destroy", "-y", "web"]);
    assert.deepEqual(all(), before);
    assert.deepEqual(p.mounts(), []);
    assert.deepEqual(readdirSync(join(p.state, "envs")), []);
  });
}

test("E24 a volume mounted over by somebody else meanwhile: refused, and theirs stays", REAL, (t) => {
  const p = project(t);
  p.write("shared/sub/file", "precious");
  p.env("web", "volumes: [../shared:/data]\n");
  p.ok(["apply", "-y", "web"]);
  const point = p.place("web", "merged/data/sub");
  assert.equal(spawnSync("mount", ["-t", "tmpfs", "theirs", point]).status, 0);
  p.after(() => void spawnSync("umount", [point]));
  writeFileSync(join(point, "theirs"), "theirs");
  const { stderr } = p.ok(["destroy", "-y", "web"], 5);
  assert.match(stderr, /^ +merged\/data\/sub +tmpfs +mount \d+ +not made by envctl$/m);
  assert.equal(readFileSync(join(point, "theirs"), "utf8"), "theirs");
  assert.equal(spawnSync("umount", [point]).status, 0);
  p.ok(["destroy", "-y", "web"]);
  assert.equal(p.read("shared/sub/file"), "precious");
});

test("F24 a volume taken out, seen in a later namespace, does not stop destroy", REAL, async (t) => {
  const p = project(t);
  p.write("shared/file", "precious");
  p.env("web", "volumes: [../shared:/data, ../shared:/more]\n");
  p.ok(["apply", "-y", "web"]);
  const merged = p.place("web", "merged");
  const later = occupant(p, ["unshare", "-m", "sleep", "600"]);
  await until("it sleeps", () => sleeps(later.pid));
  p.env("web", "volumes: [../shared:/more]\n");
  p.ok(["apply", "-y", "web"]);
  p.ok(["plan", "--detailed-exitcode", "web"]);
  const seen = (): string => readFileSync(`/proc/${later.pid}/mountinfo`).toString();
  assert.ok(seen().includes(` ${merged}/data `));
  const there = (...command: string[]): unknown =>
    spawnSync("nsenter", ["-t", `${later.pid}`, "-m", ...command]).status;
  assert.equal(there("mount", "-t", "tmpfs", "theirs", `${merged}/mnt`), 0);
  const { stderr } = p.ok(["destroy", "-y", "web"], 5);
  assert.match(stderr, /^ +merged\/mnt +tmpfs +mount \d+ +in mount namespace \d+/m);
  assert.doesNotMatch(stderr, /merged\/data/);
  assert.equal(there("umount", `${merged}/mnt`), 0);
  p.ok(["destroy", "-y", "web"]);
  assert.equal(p.read("shared/file"), "precious");
  assert.ok(!seen().includes(merged));
});

test("E25 targets through symlinks and .. inside stay inside", REAL, (t) => {
  const p = project(t);
  const outside = join(p.dir, "outside");
  p.write("outside/canary", "untouched");
  p.write("src/file", "volume");
  p.write("one.txt", "one");
  const rootfs = join(p.dir, "rootfs");
  symlinkSync(outside, join(rootfs, "absolute"));
  symlinkSync(`../../../../../../../../../..${outside}`, join(rootfs, "relative"));
  symlinkSync("/nowhere/at/all", join(rootfs, "dangling"));
  symlinkSync("..", join(rootfs, "up"));
  symlinkSync(join(outside, "canary"), join(rootfs, "file"));
  symlinkSync("absolute", join(rootfs, "second"));
  symlinkSync("/etc", join(rootfs, "hosts-etc"));
  const before = [
    tree(outside, { times: true, root: true }),
    readdirSync("/etc").length,
    existsSync("/nowhere"),
  ];
  p.env(
    "web",
    "volumes: [../src:/absolute/a, ../src:/relative/r, ../src:/dangling/d, ../src:/up/up/up/u, ../one.txt:/file, ../src:/second, ../src:/hosts-etc/envctl-test]\n",
  );
  const everywhere = new Map([
    [`${outside}/r`, "/relative/r"],
    ["/nowhere/at/all/d", "/dangling/d"],
    ["/u", "/up/up/up/u"],
    ["/etc/envctl-test", "/hosts-etc/envctl-test"],
  ]);
  // The last one lies over what the first led to: said, and nothing is done.
  const { stderr } = p.ok(["apply", "-y", "web"], 1);
  assert.match(stderr, /web\.volume\["\/second"\] would hide web\.volume\["\/absolute\/a"\]/);
  assert.deepEqual(p.mounts(), []);
  p.env(
    "web",
    `volumes: [../src:/relative/r, ../src:/dangling/d, ../src:/up/up/up/u, ../one.txt:/file, ../src:/hosts-etc/envctl-test]\n`,
  );
  p.ok(["apply", "-y", "web"]);
  const merged = p.place("web", "merged");
  const points = mountTree(p.state).map(({ point }) => point);
  for (const inside of everywhere.keys())
    assert.ok(points.includes(`${merged}${inside}`), `${inside} in ${points.join("\n")}`);
  assert.ok(points.includes(`${merged}${outside}/canary`));
  assert.deepEqual(
    points.filter((point) => !point.startsWith(merged)),
    [],
  );
  for (const flags of [[], ["--rm"]]) {
    const { stdout } = p.ok([
      "run",
      ...flags,
      "web",
      "--",
      "cat",
      "/relative/r/file",
      "/dangling/d/file",
      "/u/file",
      "/file",
    ]);
    assert.equal(stdout, "volumevolumevolumeone");
  }
  p.ok(["drift", "web"]);
  p.ok(["destroy", "-y", "web"]);
  assert.deepEqual(
    [tree(outside, { times: true, root: true }), readdirSync("/etc").length, existsSync("/nowhere")],
    before,
  );
});

test("E25 a target with .. is refused; a symlink planted in upper leads nowhere else", REAL, (t) => {
  const p = project(t);
  p.write("src/file", "volume");
  p.write("outside/canary", "untouched");
  p.env("web", "volumes: [../src:/work/../../etc]\n");
  assert.match(p.ok(["validate", "web"], 3).stderr, /^envs\/web\.yaml:4:\d+: a path with "\.\."$/m);
  p.env("web");
  p.ok(["run", "web", "--", "ln", "-s", join(p.dir, "outside"), "/planted"]);
  p.env("web", "volumes: [../src:/planted/in]\n");
  p.ok(["run", "web", "--", "cat", "/planted/in/file"]);
  assert.deepEqual(readdirSync(join(p.dir, "outside")), ["canary"]);
  assert.ok(
    mountTree(p.state).some(({ point }) => point === join(p.place("web", "merged"), p.dir, "outside/in")),
  );
  p.ok(["destroy", "-y", "web"]);
  assert.deepEqual(readdirSync(join(p.dir, "outside")), ["canary"]);
});

test("E25 targets that a loop or a file bars are refused, with the volume named", REAL, (t) => {
  const p = project(t);
  p.write("src/file", "");
  p.write("one.txt", "");
  symlinkSync("loop", join(p.dir, "rootfs/loop"));
  for (const [volume, address, errno] of [
    ["../src:/loop/x", "/loop/x", "ELOOP"],
    ["../src:/etc/passwd/x", "/etc/passwd/x", "ENOTDIR"],
    ["../src:/etc/passwd", "/etc/passwd", "EINVAL"],
    ["../one.txt:/etc", "/etc", "EINVAL"],
  ] as const) {
    p.env("web", `volumes: [${volume}]\n`);
    const { stderr } = p.ok(["apply", "-y", "web"], 1);
    assert.match(stderr, new RegExp(`^envctl: cannot mount web\\.volume\\["${address}"\\]$`, "m"));
    assert.match(stderr, new RegExp(`^ {2}kernel {2}${errno}:`, "m"));
    assert.deepEqual(p.mounts(), []);
    assert.deepEqual(readdirSync(join(p.state, "envs")), []);
    p.ok(["run", "--rm", "web", "--", "true"], 125);
  }
});

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
    source: `../vols/${name.replace("$", "$$")}`,
    target: `/mnt/${name.replace("$", "$$")}`,
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

test("E27 what is no volume is refused, with the place and what to write", REAL, (t) => {
  const p = project(t);
  p.write("a/here", "");
  for (const [text, column] of [
    ["../a", 11],
    ["../a:", 11],
    [":/b", 11],
    ["../a:/b:", 11],
    ["../a:b", 16],
    ["../a:/b:rx", 19],
    ["../a:/", 16],
  ] as const) {
    p.env("web", `volumes: ["${text}"]\n`);
    const { stderr } = p.ok(["validate", "web"], 3);
    const [, line, at] = /^envs\/web\.yaml:(\d+):(\d+): /.exec(stderr)!;
    assert.equal(line, "4");
    assert.ok(Number(at) >= column && Number(at) <= column + 9, `${text}: ${stderr}`);
    assert.match(stderr, /^1 error in 1 file\. Nothing was changed\.$/m);
  }
  assert.equal(existsSync(p.state), false);
});
