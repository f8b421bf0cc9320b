// Row A18: a failure in the middle of apply puts mounts, directories and groups back. Every failure here is the kernel's own refusal.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { tempDir } from "#test/fixtures";
import { guard } from "#test/guard";
import { mountsBelow, readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { standingAt } from "#test/signalled";
import { tree } from "#test/tree";

guard();

/** The limits and processes of every group of this state directory. */
function groups(p: Project): unknown {
  const files = [
    "memory.limit_in_bytes",
    "memory.max",
    "pids.max",
    "cpuset.cpus",
    "cpu.cfs_quota_us",
    "cpu.max",
  ];
  const read = (dir: string): unknown =>
    files
      .filter((f) => existsSync(join(dir, f)))
      .map((f) => `${f} ${readFileSync(join(dir, f), "utf8").trim()}`);
  return Object.fromEntries(p.cgroups().map((dir) => [dir, read(dir)]));
}

/** Files that say what was tried, and overlayfs's own scratch directory. */
const NOT_COMPARED = /^envs\/|^state\/(locks\/|envs\/[^/]+\/(env\.json$|rw\/work\/))/;

/** Everything that an apply may touch. */
function picture(p: Project): unknown {
  const files = Object.entries(tree(p.dir, { root: true })).filter(([path]) => !NOT_COMPARED.test(path));
  const mounts = mountsBelow(p.dir).map((m) => m.line.replace(/ \d+:\d+$/, ""));
  return {
    files: Object.fromEntries(files),
    rootfs: tree(join(p.dir, "rootfs"), { times: true }),
    mounts,
    groups: groups(p),
  };
}

/** A project whose state directory exists already, with some things to mount. */
function begin(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("src/file", "x");
  p.write("a/file", "a");
  p.write("b/file", "b");
  p.env("web");
  p.ok(["apply", "-y", "web"]);
  p.ok(["destroy", "-y", "web"]);
  return p;
}

for (const [what, target, errno] of [
  ["a file is in the way of a target", "/bin/busybox/below", "ENOTDIR"],
  ["a directory would go onto a file", "/etc/passwd", "EINVAL"],
] as const) {
  test(`A18 ${what}: a first apply leaves nothing`, needs("root", "overlay"), (t) => {
    const p = begin(t);
    p.env(
      "web",
      `volumes: [../src:/work:ro, ../made/deep:/made, "../src:${target}"]\nlimits: { pids: 50, memory: 64MiB }\n`,
    );
    const before = picture(p);
    const { stderr } = p.ok(["apply", "-y", "web"], 1);
    assert.match(stderr, new RegExp(errno));
    assert.ok(stderr.includes(target.split("/").at(-1)!), stderr);
    assert.deepEqual(picture(p), before);
    assert.equal(p.exists("made"), false, "directories made for a volume are gone, too");
    p.ok(["drift"]);
    assert.deepEqual(p.json(["ls"])["envs"], []);
  });
}

test(
  "A18 a directory made by this apply stays where somebody put something into it meanwhile",
  needs("root", "overlay", "program:strace"),
  async (t) => {
    const p = begin(t);
    p.env("web", "volumes: [../made/deep:/made, ../src:/bin/busybox/below]\n");
    const { pid, ended } = await standingAt(p, "fsmount", 1, ["apply", "-y", "web"]);
    assert.ok(p.exists("made/deep"), "the volume's directory is made");
    p.write("made/deep/theirs", "");
    process.kill(pid, "SIGCONT");
    assert.equal((await ended).code, 1);
    assert.equal(p.exists("made/deep/theirs"), true);
    assert.deepEqual(p.mounts(), []);
  },
);

test(
  "A18 a replacement that fails puts the old overlay, volumes and what was written back",
  needs("root", "overlay"),
  (t) => {
    const p = begin(t);
    p.env(
      "web",
      "volumes: [../a:/v, ../b:/v/sub:ro]\ntmpfs: [{ target: /scratch, size: 1MiB }]\nlimits: { pids: 50 }\n",
    );
    mkdirSync(join(p.dir, "a/sub"));
    p.ok(["run", "web", "--", "sh", "-c", "echo mine >/written && rm /etc/group"]);
    const before = picture(p);
    p.env(
      "web",
      "lowers: [../src]\nvolumes: [../b:/v, ../a:/etc/passwd/x, ../made:/made]\nlimits: { pids: 60 }\n",
    );
    p.ok(["apply", "-y", "web"], 1);
    assert.deepEqual(picture(p), before);
    p.env(
      "web",
      "volumes: [../a:/v, ../b:/v/sub:ro]\ntmpfs: [{ target: /scratch, size: 1MiB }]\nlimits: { pids: 50 }\n",
    );
    p.ok(["drift"]);
    assert.match(p.ok(["plan"]).stdout, /No changes/);
    assert.equal(p.ok(["run", "web", "--", "cat", "/written", "/v/file", "/v/sub/file"]).stdout, "mine\nab");
    p.ok(["run", "web", "--", "test", "-e", "/etc/group"], 1);
  },
);

/** Makes the kernel refuse a CPU limit alone in this state directory's own group, as only v1 can; answers what takes that back. */
function refuseCpu(p: Project): () => void {
  const hierarchy = readMounts().find((m) => m.type === "cgroup" && m.options.includes("cpu"))!;
  const parent = join(hierarchy.point, `envctl-${p.lineage()}`);
  const made = !existsSync(parent);
  if (made) mkdirSync(parent);
  const quota = join(parent, "cpu.cfs_quota_us");
  // No group may have more CPU time than the one above it (sched-bwc.rst).
  writeFileSync(quota, "10000");
  return () => {
    if (!existsSync(parent)) return; // it went with the last group in it
    writeFileSync(quota, "-1");
    if (made && p.cgroups().every((dir) => !dir.startsWith(`${parent}/`))) rmdirSync(parent);
  };
}

test(
  "A18 a limit that the kernel refuses: overlay, volumes and the limits before it are put back",
  needs("root", "overlay", "cgroup1:cpu", "cgroup:memory"),
  (t) => {
    const p = begin(t);
    p.env("web", "volumes: [../a:/v]\nlimits: { memory: 64MiB }\n");
    p.ok(["apply", "-y", "web"]);
    const allow = refuseCpu(p);
    const before = picture(p) as { groups: object };
    p.env(
      "web",
      "lowers: [../src]\nvolumes: [../b:/v, ../a:/w]\nlimits: { memory: 32MiB, cpus: 0.5, pids: 9 }\n",
    );
    const { stderr } = p.ok(["apply", "-y", "web"], 1);
    assert.match(stderr, /cannot set limit cpus|cannot make cgroup/);
    assert.match(stderr, /skipped/);
    // The parent group of the refused hierarchy, which the test made, goes with the last group in it.
    const { groups: now, ...rest } = picture(p) as { groups: object };
    const { groups: then, ...old } = before;
    assert.deepEqual(rest, old);
    const own = (all: object): unknown => Object.entries(all).filter(([dir]) => dir.includes("/web-"));
    assert.deepEqual(own(now), own(then));
    allow();
    p.env("web", "volumes: [../a:/v]\nlimits: { memory: 64MiB }\n");
    p.ok(["drift"]);
  },
);

test(
  "A18 with --on-error keep what succeeded stays, and is counted; the next apply does the rest",
  needs("root", "overlay", "cgroup1:cpu", "cgroup:memory"),
  (t) => {
    const p = begin(t);
    const allow = refuseCpu(p);
    p.env("web", "volumes: [../a:/v]\nlimits: { memory: 32MiB, cpus: 0.5, pids: 9 }\n");
    const told = p.lines(["apply", "-y", "web", "--on-error", "keep"], 1);
    assert.deepEqual(told.at(-1)?.["summary"], { create: 3, update: 0, replace: 0, delete: 0, keep: 0 });
    assert.equal(p.ok(["run", "web", "--", "cat", "/v/file"], 125).stdout, "", "not while it is half done");
    assert.deepEqual(
      p.mounts().map((m) => m.point),
      [p.place("web", "merged"), p.place("web", "merged/v")],
    );
    p.ok(["drift"], 2);
    allow();
    p.env("web", "volumes: [../a:/v]\nlimits: { memory: 32MiB, pids: 9 }\n");
    p.ok(["apply", "-y", "web"]);
    p.ok(["drift"]);
    assert.equal(p.ok(["run", "web", "--", "cat", "/v/file"]).stdout, "a");
  },
);

test(
  "A18 a group that was removed by hand before stays as it was when another limit is refused",
  needs("root", "overlay", "cgroup1:cpu", "cgroup:pids"),
  (t) => {
    const p = begin(t);
    p.env("web", "limits: { pids: 50, memory: 64MiB }\n");
    p.ok(["apply", "-y", "web"]);
    const removed = p.cgroups().filter((dir) => dir.includes("/pids/") && dir.endsWith(p.id("web")));
    for (const dir of removed) rmdirSync(dir);
    const allow = refuseCpu(p);
    const before = picture(p);
    p.env("web", "limits: { pids: 50, memory: 64MiB, cpus: 0.5 }\n");
    p.ok(["apply", "-y", "web"], 1);
    const own = (all: unknown): unknown =>
      Object.entries((all as { groups: object }).groups).filter(([dir]) => dir.includes("/web-"));
    assert.deepEqual(own(picture(p)), own(before));
    allow();
  },
);

test(
  "A18 refused at any call that mounts or makes something: everything is put back",
  needs("root", "overlay", "cgroup:pids", "program:strace"),
  (t) => {
    const logs = tempDir(t);
    const p = begin(t);
    p.env(
      "web",
      "overlay: { upper: { tmpfs: 4MiB } }\nvolumes: [../a:/v, ../made/deep:/made]\nlimits: { pids: 50 }\n",
    );
    const before = picture(p);
    let tried = 0;
    for (const [call, stride] of [
      ["move_mount", 1],
      ["fsmount", 1],
      ["mount_setattr", 2],
      ["rename", 1],
      ["symlinkat", 1],
      ["mkdirat", 4],
    ] as const) {
      for (let n = 1; ; n += stride) {
        const log = join(logs, `${call}-${n}`);
        const inject = [
          "strace",
          "-f",
          "-qq",
          "-o",
          log,
          "-e",
          `trace=${call}`,
          "-e",
          `inject=${call}:error=EIO:when=${n}`,
        ];
        const { code, stderr } = p.run(["apply", "-y", "web"], {
          before: inject,
          env: { UV_THREADPOOL_SIZE: "1" },
        });
        if (!readFileSync(log, "utf8").includes("(INJECTED)")) break;
        tried++;
        assert.equal(code, 1, `${call} ${n}: ${stderr}`);
        assert.match(stderr, /EIO/, `${call} ${n}`);
        assert.deepEqual(picture(p), before, `${call} ${n}`);
      }
      // Not hit any more: it was applied.
      p.ok(["destroy", "-y", "web"]);
      for (const dir of ["made/deep", "made"]) rmdirSync(join(p.dir, dir));
    }
    // Fewer where mounts are not shared, and on older kernels.
    assert.ok(tried >= 12, `${tried} calls were refused`);
  },
);
