// What an entry finds around itself (rows E18, E19): the overlay, its volumes, proc and dev of its own, and nothing of the way there.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { processesOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { running } from "#test/running";
import { paths } from "#test/tree";

guard();

const REAL = needs("root", "overlay");

type Line = {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
};

/** The mount table as the entry sees it. */
function mountsInside(p: Project, flags: readonly string[]): readonly Line[] {
  const { stdout } = p.ok(["run", ...flags, "web", "--", "cat", "/proc/self/mounts"]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [source = "", point = "", type = "", options = ""] = line.split(" ");
      return { point, type, source, options: options.split(",") };
    });
}

for (const [where, flags] of [
  ["the applied environment", []],
  ["a throwaway one", ["--rm"]],
] as const) {
  test(
    `E18 in ${where}: overlay on /, volumes, proc, a tmpfs on /dev, and nothing of the host's`,
    REAL,
    (t) => {
      const p = project(t);
      p.write("src/file", "");
      p.env(
        "web",
        "volumes: [../src:/work:ro, ../src:/var/src]\ntmpfs: [{ target: /tmp, size: 1MiB, mode: 1777 }]\nentry: { capabilities: { add: [SYS_ADMIN] } }\n",
      );
      const mounts = mountsInside(p, flags);
      const types = new Map(mounts.map(({ point, type }) => [point, type]));
      assert.equal(types.size, mounts.length, "no place is mounted on twice");
      const root = mounts.find(({ point }) => point === "/")!;
      assert.equal(root.type, "overlay");
      assert.match(root.source, new RegExp(`^envctl:${p.lineage()}:web-[0-9a-f]{8}(\\.r1)?$`));
      assert.deepEqual(
        [types.get("/proc"), types.get("/dev"), types.get("/sys"), types.get("/tmp")],
        ["proc", "tmpfs", "sysfs", "tmpfs"],
      );
      const fresh = new Set(["/", "/proc", "/dev", "/sys", "/tmp"]);
      const rest = mounts.filter(({ point }) => !fresh.has(point) && !/^\/(proc|dev|sys)\//.test(point));
      assert.deepEqual(rest.map(({ point }) => point).sort(), ["/var/src", "/work"]);
      const flagsOf = (point: string): readonly string[] => mounts.find((m) => m.point === point)!.options;
      for (const flag of ["nosuid", "nodev", "noexec"]) assert.ok(flagsOf("/proc").includes(flag), flag);
      assert.ok(
        flagsOf("/sys").includes("ro") &&
          flagsOf("/work").includes("ro") &&
          flagsOf("/var/src").includes("rw"),
      );
      const dev = p
        .ok(["run", ...flags, "web", "--", "ls", "/dev"])
        .stdout.split("\n")
        .filter(Boolean);
      const expected = [
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
      ];
      assert.deepEqual(dev, expected);
      p.ok([
        "run",
        ...flags,
        "web",
        "--",
        "sh",
        "-c",
        "echo x > /dev/null && head -c 1 /dev/zero | wc -c && echo y > /dev/shm/y && test -c /dev/tty",
      ]);
      const host = mountTree(p.state);
      p.run([
        "run",
        ...flags,
        "web",
        "--",
        "sh",
        "-c",
        "umount /work; umount /var/src; mount -t tmpfs none /mnt",
      ]);
      assert.deepEqual(mountTree(p.state), host, "what is done to them inside stays inside");
    },
  );

  test(`E19 in ${where}: no directory of the old root is left, inside or on the host`, REAL, async (t) => {
    const p = project(t);
    p.env("web", "entry: { command: [sh, -c, 'echo up; exec sleep 600'] }\n");
    const { stdout } = p.ok(["run", ...flags, "web", "--", "ls", "-A", "/"]);
    assert.deepEqual(stdout.split("\n").filter(Boolean), readdirSync(join(p.dir, "rootfs")).sort());
    await running(p, ["run", ...flags, "web"]);
    const [pid] = processesOf(p);
    const table = readFileSync(`/proc/${pid}/mountinfo`).toString();
    assert.doesNotMatch(table, /pivot|old_?root/i);
    assert.equal(
      table.split("\n").filter((line) => / \/ \/ /.test(line)).length,
      1,
      "the old root is not mounted any more",
    );
    const seen = readdirSync(`/proc/${pid}/root`).sort();
    assert.deepEqual(seen, readdirSync(join(p.dir, "rootfs")).sort());
    const [id] = readdirSync(join(p.state, "envs")).filter(
      (name) => name.endsWith(".r1") === flags.length > 0,
    );
    assert.deepEqual(paths(join(p.state, "envs", id!, "rw/upper")), [], "nothing was written for it");
    assert.deepEqual(
      paths(join(p.dir, "rootfs")).filter((path) => /pivot|old/.test(path)),
      [],
    );
  });
}
