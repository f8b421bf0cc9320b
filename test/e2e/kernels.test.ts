// What differs from one kernel and layout of cgroups to the next: fallbacks, delegation, where groups are made.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { hierarchies, parentGroup } from "#test/cgroup";
import { runOf } from "#test/detached";
import { guard } from "#test/guard";
import { mountsBelow } from "#test/mountinfo";
import { needs } from "#test/needs";
import { occupant, until } from "#test/occupant";
import { project, type Project } from "#test/project";
import { running } from "#test/running";
import { SLOWNESS } from "#test/slow";
import { setXattr } from "#test/xattr";

guard();

const machine = needs("root", "overlay", "mounts");

test(
  "C3 300 lowers with paths of 60 characters and more: the first is topmost, and the record knows them all",
  machine,
  (t) => {
    const p = project(t);
    const names = Array.from(
      { length: 300 },
      (_, i) => `layer-${String(i).padStart(3, "0")}-${"x".repeat(60)}`,
    );
    for (const name of names) {
      p.write(`layers/${name}/which`, name);
      p.write(`layers/${name}/only-${name}`, "");
    }
    p.env("web", `lowers:\n${names.map((name) => `  - ../layers/${name}\n`).join("")}`);
    p.ok(["apply", "web", "-y"]);
    assert.equal(readFileSync(p.place("web", "merged/which"), "utf8"), names[0]);
    for (const name of names) assert.ok(existsSync(p.place("web", "merged", `only-${name}`)), name);
    const { dirs } = p.json<{ dirs: { LowerDir: string[] } }>(["show", "web"]);
    assert.deepEqual(dirs.LowerDir.slice(1), [
      ...names.map((name) => join(p.dir, "layers", name)),
      join(p.dir, "rootfs"),
    ]);
    assert.match(p.ok(["apply", "web", "-y"]).stderr, /No changes/);
    p.ok(["drift"]);
  },
);

test(
  "E25 a volume's target that is swapped for a symlink while it is mounted never leads out",
  machine,
  async (t) => {
    const p = project(t);
    p.write("src/file", "ours");
    const outside = join(p.dir, "outside");
    mkdirSync(join(outside, "data"), { recursive: true });
    mkdirSync(join(p.dir, "rootfs/place/data"), { recursive: true });
    p.env("web");
    p.ok(["apply", "web", "-y"]);
    const at = p.place("web", "merged/place");
    // From the root directory, so that the swapper itself is not in the way.
    const swap = `ln -s "$2" "$1/link"; while :; do mv -T "$1/data" "$1/kept"; mv -T "$1/link" "$1/data"; mv -T "$1/data" "$1/link"; mv -T "$1/kept" "$1/data"; done 2>/dev/null`;
    const back = `rm -f "$1/link"; [ ! -L "$1/data" ] || rm "$1/data"; [ ! -d "$1/kept" ] || mv -T "$1/kept" "$1/data"`;
    let mounted = 0;
    const rounds = SLOWNESS > 1 ? 3 : 8;
    for (let round = 0; round < rounds || (mounted === 0 && round < 5 * rounds); round++) {
      const swapper = occupant(p, ["sh", "-c", swap, "sh", at, join(outside, "data")], { cwd: "/" });
      await until("it swaps", () => existsSync(join(at, "kept")));
      p.env("web", "volumes: [../src:/place/data]\n");
      // The directory may just be away, or be moved under the mount: then the kernel refuses, and all is put back.
      const { code, stderr } = p.run(["apply", "web", "-y"]);
      assert.ok(code === 0 || code === 1, `${code} ${stderr}`);
      if (code === 0) mounted++;
      assert.deepEqual(mountsBelow(outside), []);
      assert.deepEqual(readdirSync(join(outside, "data")), []);
      await swapper.end();
      // Renamed between its resolution and the attaching call, the directory took the mount along: inside still, and now the user's.
      for (const { point } of mountsBelow(join(at, "kept"))) execFileSync("umount", [point]);
      p.env("web");
      p.ok(["apply", "web", "-y"]);
      assert.equal(p.mounts().length, 1);
      execFileSync("sh", ["-ec", back, "sh", at]);
    }
    assert.ok(mounted > 0, "it was mounted at least once");
    assert.equal(p.read("src/file"), "ours");
  },
);

test("E25 a volume's target that is a symlink to the host's path lies inside", machine, (t) => {
  const p = project(t);
  p.write("src/file", "ours");
  const outside = join(p.dir, "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(p.dir, "rootfs/out"));
  p.env("web", "volumes: [../src:/out]\n");
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(mountsBelow(outside), []);
  assert.equal(readFileSync(join(p.place("web", "merged"), outside, "file"), "utf8"), "ours");
});

const NUMBERS = { fsopen: 430, fsconfig: 431, statmount: 457 } as const; // the same on every architecture
const DENY = fileURLToPath(new URL("../support/deny.js", import.meta.url));

for (const [call, errno] of [
  ["fsopen", "EPERM"],
  ["fsconfig", "ENOSYS"],
  ["statmount", "EPERM"],
  ["statmount", "ENOSYS"],
] as const) {
  test(`A4 where a filter answers ${call} with ${errno} it counts as missing`, machine, (t) => {
    const p = project(t);
    p.write("src/file", "ours");
    p.env("web", "volumes: [../src:/work]\n");
    const before = [process.execPath, DENY, `${NUMBERS[call]}`, `${constants.errno[errno]}`];
    p.ok(["apply", "web", "-y"], 0, { before });
    const [overlay, ...rest] = p.mounts();
    assert.equal(rest.length, 1);
    // mount(2) is given the numbers of descriptors.
    if (call !== "statmount") assert.match(overlay!.options.join(), /lowerdir=\d+:\d+,upperdir=\d+/);
    assert.equal(readFileSync(p.place("web", "merged/work/file"), "utf8"), "ours");
    p.ok(["drift"]);
    // A launch mounts /dev, which nothing else can.
    if (call === "statmount")
      assert.equal(p.ok(["run", "web", "--", "cat", "/work/file"], 0, { before }).stdout, "ours");
    p.ok(["destroy", "web", "-y"], 0, { before });
    assert.deepEqual(p.mounts(), []);
  });
}

/** Groups of the test's own, in every hierarchy that limits; they go with the project, once their processes have ended. */
function groups(p: Project, name: string): readonly string[] {
  const made = hierarchies()
    .filter(({ controllers }) => controllers.some((c) => ["memory", "pids"].includes(c)))
    .map(({ point, version, controllers }) => {
      const dir = join(point, name);
      if (version === 2) {
        const wanted = controllers.filter((c) => ["memory", "pids"].includes(c));
        writeFileSync(join(point, "cgroup.subtree_control"), wanted.map((c) => `+${c}`).join(" "));
      }
      mkdirSync(dir);
      return dir;
    });
  p.after(async () => {
    if (existsSync(join(p.state, "envs"))) p.ok(["destroy", "--all", "-y"]);
    for (const dir of made) {
      await until(`${dir} is empty`, () => read(dir, "cgroup.procs") === "");
      rmdirSync(dir);
    }
  });
  return made;
}

const read = (...path: readonly string[]): string => readFileSync(join(...path), "utf8").trim();

/** Runs the command, or anything, as a process of a group. */
const within = (dir: string): readonly [string, ...string[]] => [
  "sh",
  "-c",
  'echo $$ > "$0/cgroup.procs" && exec "$@"',
  dir,
];

test(
  "E3 --cgroup-parent that one hierarchy has: a run without it finds the group there",
  needs("root", "overlay", "cgroup1:memory", "cgroup1:pids"),
  (t) => {
    const p = project(t);
    const top = parentGroup(p, "memory");
    p.env("web");
    p.ok(["--cgroup-parent", `/${basename(top)}`, "apply", "web", "-y"]);
    assert.match(p.ok(["plan", "web"]).stdout, /No changes/);
    const group = `/${basename(top)}/envctl-${p.lineage()}/${p.id("web")}/1`;
    const entry = p.ok(["run", "web", "--", "cat", "/proc/self/cgroup"]).stdout;
    assert.match(entry, /memory:\/$/m, "its cgroup namespace begins at its own group");
    const name = p.ok(["run", "-d", "web", "--", "sleep", "1000000"]).stdout.trim();
    assert.ok(read(`/proc/${runOf(p, name).pid}/cgroup`).includes(`memory:${group}`));
    p.ok(["rm", "-f", name]);
  },
);

test(
  "E3 --cgroup-parent: groups are made there, and stay there without it",
  needs("root", "overlay", "cgroup:memory", "cgroup:pids"),
  (t) => {
    const p = project(t);
    const name = `test-${process.pid}`;
    const dirs = groups(p, name);
    p.env("web", "limits: { memory: 64MiB, pids: 50 }\n");
    p.ok(["--cgroup-parent", `/${name}`, "apply", "web", "-y"]);
    const ours = (dir: string): string => join(dir, `envctl-${p.lineage()}`, p.id("web"));
    for (const dir of dirs) assert.ok(existsSync(ours(dir)), dir);
    assert.deepEqual(p.cgroups(), [], "and none below the root");
    assert.match(p.ok(["plan", "web"]).stdout, /No changes/);
    p.ok(["drift"]);

    p.env("web", "limits: { memory: 64MiB, pids: 60 }\n");
    p.ok(["apply", "web", "-y"]);
    assert.ok(
      dirs.some((dir) => existsSync(join(ours(dir), "pids.max")) && read(ours(dir), "pids.max") === "60"),
    );
    assert.deepEqual(p.cgroups(), []);
    p.ok(["run", "web", "--", "true"]);
    p.ok(["--cgroup-parent", `/${name}`, "run", "--rm", "web", "--", "true"]);

    const elsewhere = p.ok(["--cgroup-parent", "/", "apply", "web", "-y"], 3);
    assert.match(elsewhere.stderr, new RegExp(`the cgroups of web are in\\s+\\S+/${name}`));
    assert.match(p.ok(["--cgroup-parent", "/gone", "plan", "web"], 3).stderr, /there is no such cgroup/);
    for (const path of ["relative", "/a/../b"])
      assert.match(p.ok(["--cgroup-parent", path, "plan", "web"], 3).stderr, /takes a path from the root/);
    p.ok(["destroy", "web", "-y"]);
    for (const dir of dirs)
      assert.deepEqual(
        readdirSync(dir).filter((file) => file.startsWith("envctl-")),
        [],
      );
  },
);

test(
  "E3 in a delegated scope limits are set there; who was in it steps aside, and is back after destroy",
  needs("root", "overlay", "cgroup2:memory", "cgroup2:pids"),
  async (t) => {
    const p = project(t);
    const [scope = ""] = groups(p, `test-${process.pid}.scope`);
    setXattr(scope, "trusted.delegate", "1");
    const aside = join(scope, "envctl-callers");
    const bystander = occupant(p, [...within(scope), "sleep", "1000"]);
    await until("it is in the scope", () => read(scope, "cgroup.procs") === `${bystander.pid}`);
    p.env("web", "limits: { pids: 50 }\n");
    p.ok(["apply", "web", "-y"], 0, { before: within(scope) });
    const ours = join(scope, `envctl-${p.lineage()}`, p.id("web"));
    assert.equal(read(ours, "pids.max"), "50");
    assert.deepEqual(p.cgroups(), [], "and none below the root");
    assert.equal(read(scope, "cgroup.procs"), "");
    assert.equal(read(aside, "cgroup.procs"), `${bystander.pid}`);

    // From outside of the scope too, and with controllers that were not needed before.
    assert.match(p.ok(["plan", "web"]).stdout, /No changes/);
    p.env("web", "limits: { pids: 50, memory: 64MiB }\n");
    p.ok(["apply", "web", "-y"]);
    assert.equal(read(ours, "memory.max"), "67108864");
    p.ok(["run", "--rm", "web", "--", "true"], 0, { before: within(aside) });
    const run = await running(p, ["run", "web", "--", "sh", "-c", "echo up; sleep 1000"]);
    assert.match(read(ours, "1/cgroup.procs"), /^\d/);
    p.ok(["destroy", "web", "-y"], 0, { before: within(aside) });
    assert.equal((await run.ended).code, 137);
    assert.equal(read(scope, "cgroup.procs"), `${bystander.pid}`);
    assert.equal(read(scope, "cgroup.subtree_control"), "");
    assert.deepEqual(
      readdirSync(scope).filter((file) => file.startsWith("envctl-")),
      [],
    );
  },
);

test(
  "E2 a limit that a delegated scope was not handed the controller for is refused, and says so",
  needs("root", "overlay", "cgroup2:cpu", "cgroup2:pids"),
  (t) => {
    const p = project(t);
    const [slice = ""] = groups(p, `test-${process.pid}.slice`);
    writeFileSync(join(slice, "cgroup.subtree_control"), "+pids");
    const scope = join(slice, "test.scope");
    mkdirSync(scope);
    p.after(() => rmdirSync(scope));
    setXattr(scope, "trusted.delegate", "1");
    p.env("web", "limits: { cpus: 1 }\n");
    const stderr = p.ok(["plan", "web"], 3, { before: within(scope) }).stderr.replace(/\s+/g, " ");
    assert.ok(stderr.includes(`the cpu controller is not handed down to ${scope}`), stderr);
    assert.match(stderr, /what is: .*pids/);
  },
);

test(
  "E15 on v2 a limit added while a run is under way reaches it, and the next run",
  needs("root", "overlay", "cgroup2:memory", "cgroup2:pids"),
  async (t) => {
    const p = project(t);
    p.env("web");
    await running(p, ["run", "web", "-y", "--", "sh", "-c", "echo up; sleep 1000; true"]);
    p.env("web", "limits: { memory: 64MiB, pids: 50 }\n");
    p.ok(["apply", "web", "-y"]);
    const [dir = ""] = p.cgroups().filter((group) => group.endsWith(p.id("web")));
    assert.deepEqual([read(dir, "memory.max"), read(dir, "pids.max")], ["67108864", "50"]);
    await until("the shell and its sleep are counted", () => read(dir, "pids.current") === "2");
    p.ok(["run", "web", "--", "true"]);
  },
);
