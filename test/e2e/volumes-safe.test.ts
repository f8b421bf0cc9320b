// What volumes never lead to: a host file deleted, or a place outside touched (rows E24, E25).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { occupant, until } from "#test/occupant";
import { project } from "#test/project";
import { tree } from "#test/tree";

guard();

const REAL = needs("root", "overlay");
const TRACED = needs("root", "overlay", "program:strace");

/** Whether a process has become sleep(1), whatever implements it. */
const sleeps = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sleep\0");

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
  const points = p.mounts().map(({ point }) => point);
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
