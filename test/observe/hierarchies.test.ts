import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { parseMountinfo } from "#model/mountinfo";
import { hierarchiesOf, readHierarchies, v1Controllers } from "#observe/hierarchies";
import { FakeKernel } from "#test/fake-kernel";

const none = (): undefined => undefined;
const rows = (...lines: readonly string[]): ReturnType<typeof parseMountinfo> =>
  parseMountinfo(lines.join("\n"));
const short = (all: ReturnType<typeof hierarchiesOf>): readonly string[] =>
  all.map((h) => `v${h.version} ${h.base ?? h.mount} ${h.controllers.join(",")}`);

test("E1 v1: one hierarchy a line, comounts together, the named one without controllers", () => {
  const mounts = rows(
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct",
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset,clone_children,cpuset_v2_mode",
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,xattr,memory,release_agent=/sbin/agent",
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
  );
  const expected = [
    "v1 /sys/fs/cgroup/cpu,cpuacct cpu,cpuacct",
    "v1 /sys/fs/cgroup/cpuset cpuset",
    "v1 /sys/fs/cgroup/memory memory",
    "v1 /sys/fs/cgroup/systemd ",
  ];
  const names = v1Controllers("9:name=systemd:/\n4:memory:/a:b\n3:cpuset:/\n1:cpu,cpuacct:/\n0::/\n");
  assert.deepEqual([...names].sort(), ["cpu", "cpuacct", "cpuset", "memory"]);
  assert.deepEqual(short(hierarchiesOf(mounts, names, none)), expected);
  assert.deepEqual(short(hierarchiesOf(mounts, undefined, none)), expected);
});

test("E3 v2 alone, and hybrid with an empty v2 beside v1: by what each really has", () => {
  const v2 = rows("31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate");
  assert.deepEqual(short(hierarchiesOf(v2, new Set(), () => "cpuset cpu io memory pids\n")), [
    "v2 /sys/fs/cgroup cpuset,cpu,io,memory,pids",
  ]);
  const hybrid = rows(
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  );
  assert.deepEqual(short(hierarchiesOf(hybrid, new Set(["memory"]), () => "\n")), [
    "v1 /sys/fs/cgroup/memory memory",
    "v2 /sys/fs/cgroup/unified ",
  ]);
});

test("a hierarchy mounted several times counts once: writable and whole before read-only or a part", () => {
  const mounts = rows(
    "50 31 0:32 / /mnt/ro ro - cgroup cgroup rw,memory",
    "51 31 0:32 /docker/0abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "52 31 0:32 / /run/memory rw - cgroup cgroup rw,memory",
    "53 31 0:32 / /run/later rw - cgroup cgroup rw,memory",
  );
  assert.deepEqual(short(hierarchiesOf(mounts, undefined, none)), ["v1 /run/memory memory"]);
});

test("what another mount hides is left out; with a parent the hierarchies that have it begin there", () => {
  const k = new FakeKernel();
  k.hierarchy("/sys/fs/cgroup/memory", ["memory"]);
  k.hierarchy("/sys/fs/cgroup/pids", ["pids"]);
  k.hierarchy("/sys/fs/cgroup/unified", ["cpu"], 2);
  const read = (parent?: string): readonly string[] =>
    short(readHierarchies(k.reader, k.disk.mountinfo(), parent));
  assert.deepEqual(read(), [
    "v1 /sys/fs/cgroup/memory memory",
    "v1 /sys/fs/cgroup/pids pids",
    "v2 /sys/fs/cgroup/unified cpu",
  ]);
  k.cgroups.create("/sys/fs/cgroup/pids/user.slice" as AbsPath);
  assert.deepEqual(read("/user.slice"), ["v1 /sys/fs/cgroup/pids/user.slice pids"]);
  assert.throws(() => read("/gone.slice"), /--cgroup-parent \/gone\.slice: there is no such cgroup/);
  k.disk.tmpfs("/sys/fs/cgroup/pids", "over");
  assert.deepEqual(read(), ["v1 /sys/fs/cgroup/memory memory", "v2 /sys/fs/cgroup/unified cpu"]);
});

const SCOPE = "/sys/fs/cgroup/user.slice/work.scope" as AbsPath;

/** A v2 host with a scope that has memory and pids but no cpu; this process is in a group of it. */
function scoped(group: string): FakeKernel {
  const k = new FakeKernel();
  k.hierarchy("/sys/fs/cgroup", ["cpu", "memory", "pids"], 2);
  for (const dir of ["/sys/fs/cgroup/user.slice", SCOPE]) {
    k.cgroups.write(dir.slice(0, dir.lastIndexOf("/")) as AbsPath, "cgroup.subtree_control", "+memory +pids");
    k.cgroups.create(dir as AbsPath);
  }
  k.world.group = group;
  return k;
}

const bases = (k: FakeKernel, parent?: string): readonly string[] =>
  short(readHierarchies(k.reader, k.disk.mountinfo(), parent));

test("v2: in a delegated scope our groups begin there, with the controllers it was handed", () => {
  for (const name of ["trusted.delegate", "user.delegate"]) {
    for (const group of ["/user.slice/work.scope", "/user.slice/work.scope/payload/deep"]) {
      const k = scoped(group);
      k.world.xattrs.set(`${SCOPE} ${name}`, "1");
      assert.deepEqual(bases(k), [`v2 ${SCOPE} memory,pids`]);
      assert.deepEqual(
        bases(k, "/user.slice"),
        ["v2 /sys/fs/cgroup/user.slice memory,pids"],
        "asked for by name",
      );
    }
  }
});

test("v2: a scope that is not delegated, and one above the unit we are in, are systemd's", () => {
  const whole = ["v2 /sys/fs/cgroup cpu,memory,pids"];
  assert.deepEqual(bases(scoped("/user.slice/work.scope")), whole);
  const marked = scoped("/user.slice/work.scope");
  marked.world.xattrs.set("/sys/fs/cgroup/user.slice trusted.delegate", "1");
  assert.deepEqual(bases(marked), whole);
  const refused = scoped("/user.slice/work.scope");
  refused.world.xattrs.set(`${SCOPE} trusted.delegate`, "0");
  assert.deepEqual(bases(refused), whole);
  assert.deepEqual(bases(scoped("/")), whole);
  assert.deepEqual(bases(scoped("/gone.scope")), whole);
});
