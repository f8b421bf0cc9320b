// State directories that are full, read-only, somebody else's or led elsewhere, and two of them beside each other (rows F15 and F23).
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { host, mount, umount } from "#test/by-hand";
import { groupsOf, processesOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { readMounts } from "#test/mountinfo";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { Project, project } from "#test/project";
import { running } from "#test/running";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

const BODY = 'volumes: ["../cache:/cache"]\ntmpfs: [{ target: /tmp, size: 1MiB }]\nlimits: { pids: 20 }\n';

function declared(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("cache/file", "precious");
  p.env("web", BODY);
  return p;
}

/** STATE on a file system of its own, which goes with the test. */
function mountState(p: Project, options: string): void {
  mkdirSync(p.state, { recursive: true });
  mount("-t", "tmpfs", "-o", `mode=700,${options}`, "state", p.state);
}

const below = (p: Project): readonly string[] =>
  p
    .mounts()
    .map(({ point }) => point)
    .filter((point) => point !== p.state);

for (const [what, few, many] of [
  ["blocks", [8, 16, 24].map((n) => `size=${n}k`), "size=16m"],
  ["inodes", [3, 8, 12, 16].map((n) => `nr_inodes=${n}`), "nr_inodes=1000"],
] as const) {
  test(
    `F15 a state directory without ${what}: nothing is mounted, and with more of them it works`,
    machine,
    (t) => {
      const p = declared(t);
      let refused = 0;
      for (const options of few) {
        mountState(p, options);
        try {
          const { code, stderr } = p.run(["apply", "web", "-y"]);
          assert.ok(code === 0 || code === 1, stderr);
          if (code === 1) {
            refused++;
            assert.match(stderr, /ENOSPC/, options);
            assert.deepEqual(below(p), [], options);
            if (existsSync(join(p.state, "lineage"))) assert.deepEqual(groupsOf(p), [], options);
          }
          mount("-o", `remount,${many}`, p.state);
          p.ok(["apply", "web", "-y"]);
          assert.equal(below(p).length, 3, options);
          p.ok(["destroy", "web", "-y"]);
        } finally {
          if (below(p).length > 0) p.run(["destroy", "web", "-y"]);
          umount(p.state);
        }
      }
      assert.ok(refused >= 3, `${refused} were refused`);
    },
  );
}

test(
  "F15 a disk that is full stops a replace, which is taken back, and does not stop a destroy",
  machine,
  (t) => {
    const p = declared(t);
    p.write("layer/l", "");
    mountState(p, "size=1m");
    p.after(() => {
      rmSync(join(p.state, "full"), { force: true });
      p.ok(["destroy", "--all", "-y"]);
      umount(p.state);
    });
    p.ok(["apply", "web", "-y"]);
    const before = below(p);
    assert.throws(() => host("dd", "if=/dev/zero", `of=${p.state}/full`, "bs=4k"), /No space left/);
    p.env("web", `lowers: [../layer]\n${BODY}`);
    const { stderr } = p.ok(["apply", "web", "-y"], 1);
    assert.match(stderr, /ENOSPC/);
    assert.deepEqual(below(p), before);
    assert.equal(readFileSync(p.place("web", "merged/cache/file"), "utf8"), "precious");
    p.ok(["destroy", "web", "-y"]);
    assert.deepEqual([below(p), readdirSync(join(p.state, "envs"))], [[], []]);
  },
);

test(
  "F15 a read-only state directory: nothing is mounted, nothing is unmounted, and looking works",
  machine,
  (t) => {
    const p = declared(t);
    mountState(p, "size=1m");
    p.after(() => {
      mount("-o", "remount,rw", p.state);
      p.ok(["destroy", "--all", "-y"]);
      umount(p.state);
    });
    mount("-o", "remount,ro", p.state);
    assert.match(p.ok(["apply", "web", "-y"], 1).stderr, /read-only/);
    assert.match(p.ok(["run", "--rm", "web", "--", "true"], 125).stderr, /read-only/);
    assert.deepEqual([below(p), readdirSync(p.state)], [[], []]);
    for (const verb of ["validate", "drift", "ls"]) p.ok([verb]);
    mount("-o", "remount,rw", p.state);
    p.ok(["apply", "web", "-y"]);
    const before = mountTree(p.state);
    mount("-o", "remount,ro", p.state);
    assert.match(p.ok(["destroy", "web", "-y"], 1).stderr, /read-only/);
    assert.deepEqual(mountTree(p.state), before);
    for (const verb of ["validate", "drift", "ls"]) p.ok([verb]);
  },
);

test("F15 a state directory that others own or can write is refused", machine, (t) => {
  const p = declared(t);
  const cases: readonly (readonly [make: () => void, says: RegExp])[] = [
    [() => chownSync(p.state, 1000, 1000), /belongs to user 1000/],
    [
      () => (chmodSync(p.state, 0o777), writeFileSync(join(p.state, "lineage"), "0badcafe\n")),
      /can be written by others \(mode 777\)/,
    ],
    [
      () => (mkdirSync(join(p.state, "envs")), chownSync(join(p.state, "envs"), 1000, 1000)),
      /envs in it is a directory of user 1000/,
    ],
    [() => writeFileSync(join(p.state, "photo.jpg"), "x"), /holds other things: photo\.jpg/],
    [() => (rmSync(p.state, { recursive: true }), writeFileSync(p.state, "")), /is a file/],
    [
      () => (
        rmSync(p.state, { recursive: true }),
        mkdirSync(join(p.dir, "real")),
        symlinkSync("real", p.state)
      ),
      /is a symlink; name the directory itself: --state-dir .*\/real/,
    ],
  ];
  for (const [make, says] of cases) {
    mkdirSync(p.state);
    make();
    const before = tree(p.dir, { times: true });
    const said = p.ok(["apply", "web", "-y"], 1).stderr.replace(/\s+/g, " ");
    assert.match(said, says);
    assert.deepEqual(tree(p.dir, { times: true }), before, "nothing was changed");
    rmSync(p.state, { recursive: true });
  }
});

test(
  "F15 a state directory below a symlink is one by its real path, whatever way it is named",
  machine,
  (t) => {
    const p = declared(t);
    mkdirSync(join(p.dir, "disk"));
    symlinkSync("disk", join(p.dir, "link"));
    const real = join(p.dir, "disk/state");
    p.after(() => void p.ok(["destroy", "web", "-y", "--state-dir", real]));
    p.ok(["apply", "web", "-y", "--state-dir", "link/state"]);
    const mounts = mountTree(real);
    assert.equal(mounts.filter(({ point }) => point.includes("/merged")).length, 3);
    p.ok(["plan", "web", "--detailed-exitcode", "--state-dir", real]);
    p.ok(["apply", "web", "-y", "--state-dir", join(p.dir, "disk/../link/state")]);
    assert.deepEqual(mountTree(real), mounts);
  },
);

test("F15 directories of an environment that were replaced by symlinks lead nothing astray", machine, (t) => {
  const p = declared(t);
  p.write("precious/file", "data");
  p.write("precious/upper/file", "data");
  for (const name of ["rw", "init", "merged"]) {
    p.ok(["apply", "web", "-y"]);
    for (const point of [...mountTree(p.place("web"))].reverse()) umount(point.point);
    renameSync(p.place("web", name), p.place("web", `${name}.old`));
    symlinkSync(join(p.dir, "precious"), p.place("web", name));
    for (const verb of ["apply", "destroy"]) {
      const { code } = p.run([verb, "web", "-y"]);
      assert.notEqual(code, 0, `${verb} with ${name} replaced`);
      assert.deepEqual(Object.keys(tree(join(p.dir, "precious"))), ["file", "upper", "upper/file"]);
      assert.ok(readMounts().every(({ point }) => !point.startsWith(join(p.dir, "precious"))));
    }
    rmSync(p.place("web", name));
    renameSync(p.place("web", `${name}.old`), p.place("web", name));
    p.ok(["destroy", "web", "-y"]);
  }
});

test(
  "F23 two state directories with the same file: different groups and tags; destroying one leaves the other's processes alive",
  machine,
  async (t) => {
    const p = declared(t);
    const other = new Project(p.dir, join(p.dir, "other"));
    p.after(() => other.end());
    for (const each of [p, other]) each.ok(["apply", "web", "-y"]);
    assert.equal(p.id("web"), other.id("web"));
    assert.notEqual(p.lineage(), other.lineage());
    assert.equal(p.mounts().length, 3);
    assert.equal(other.mounts().length, 3);
    assert.notEqual(p.mounts()[0]!.source, other.mounts()[0]!.source);
    assert.deepEqual(
      groupsOf(p).filter((dir) => groupsOf(other).includes(dir)),
      [],
    );
    const [here, there] = [
      await running(p, ["run", "web", "--", "sh", "-c", "echo up; sleep 1000"]),
      await running(other, ["run", "web", "--", "sh", "-c", "echo up; sleep 1000"]),
    ];
    const [mounts, processes] = [mountTree(other.state), processesOf(other)];
    assert.ok(processes.length > 0);
    p.ok(["destroy", "web", "-y"]);
    assert.deepEqual((await here.ended).code, 137);
    assert.equal(there.child.exitCode, null);
    assert.deepEqual([mountTree(other.state), processesOf(other)], [mounts, processes]);
    other.ok(["drift"]);
  },
);
