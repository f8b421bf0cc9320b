import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { mountTag, placeOf } from "#model/identity";
import type { EnvRecord } from "#model/record";
import type { VolumeResource } from "#model/resource";
import { groupsOfLineage } from "#observe/cgroups";
import { coveringMount, lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { measureUpper } from "#observe/upper";
import type { Reader } from "#ports/reader";
import { FakeKernel } from "#test/fake-kernel";

const ID = "web-0123abcd" as EnvId;
const LINEAGE = "feedbeef" as Lineage;
const STATE = "/var/lib/envctl" as AbsPath;
const PLACE = placeOf(STATE, ID);
const TAG = mountTag(LINEAGE, ID);

function host(): FakeKernel {
  const k = new FakeKernel();
  for (const dir of [PLACE.merged, PLACE.upper, PLACE.work, "/repo/src", "/mnt"]) k.disk.dir(dir);
  return k;
}

const overlay = (k: FakeKernel, point: string = PLACE.merged): ReturnType<typeof k.disk.mount> =>
  k.disk.mount({
    dev: "0:50",
    root: "/",
    point,
    type: "overlay",
    source: TAG,
    layers: [`8:1 ${PLACE.upper}`],
  });

function record(k: FakeKernel, more: Partial<EnvRecord> = {}): EnvRecord {
  return {
    lineage: LINEAGE,
    id: ID,
    name: "web",
    phase: "applied",
    boot: k.world.boot,
    mountNamespace: k.world.namespace,
    resources: [],
    mounts: {},
    cgroups: [],
    ...more,
  } as unknown as EnvRecord;
}

const look = (k: FakeKernel, r?: EnvRecord, reader: Reader = k.reader): ReturnType<typeof observe> =>
  observe(reader, ID, LINEAGE, STATE, r === undefined ? {} : { record: r });

test("mounts at and below our place, in the kernel's order, and no others", () => {
  const k = host();
  k.disk.dir(`${PLACE.dir}x`);
  overlay(k);
  k.disk.tmpfs(`${PLACE.merged}`, "over");
  k.disk.tmpfs(`${PLACE.dir}x`, "another environment with a name that begins alike");
  k.disk.tmpfs("/mnt", "foreign");
  overlay(k, "/mnt");
  const seen = look(k);
  assert.deepEqual(
    seen.mounts.map((m) => [m.point, m.type]),
    [
      [PLACE.merged, "overlay"],
      [PLACE.merged, "tmpfs"],
    ],
  );
  assert.equal(seen.covering!.point, "/");
  assert.equal(seen.record, undefined);
  assert.deepEqual(
    [seen.boot, seen.mountNamespace, seen.rebooted, seen.elsewhere],
    ["boot-1", "4026531841", false, undefined],
  );
});

test("F28 without a state directory there is something to say all the same, and nothing is made", () => {
  const k = new FakeKernel();
  k.disk.dir("/var/lib");
  k.disk.tmpfs("/var/lib", "var");
  const seen = look(k);
  assert.deepEqual([seen.mounts, seen.upperUsed, seen.covering!.source], [[], false, "var"]);
  assert.deepEqual(k.calls, []);
});

test("the anchor does not count as what the directory lies on", () => {
  const k = host();
  k.disk.tmpfs("/var", "shared one");
  for (const dir of [PLACE.merged]) k.disk.dir(dir);
  const under = k.disk.table.at(-1)!;
  under.propagation = ["shared:7"];
  k.disk.bind(PLACE.dir, PLACE.dir);
  const seen = look(k);
  assert.equal(seen.covering!.id, under.id);
  assert.deepEqual(seen.covering!.propagation, ["shared:7"]);
  assert.equal(seen.mounts[0]!.point, PLACE.dir);
});

test("a recorded mount that a read missed is looked for once more before it counts as gone", () => {
  const k = host();
  const mounted = overlay(k);
  const mounts = { "web.overlay": { id: mounted.id, dev: mounted.dev, point: PLACE.merged } };
  const full = k.disk.mountinfo();
  let reads = 0;
  const once = (first: string, then: string): Reader => ({
    ...k.reader,
    textAny: (path) =>
      path === "/proc/self/mountinfo" ? (reads++ === 0 ? first : then) : k.reader.textAny(path),
  });
  const without = full
    .split("\n")
    .filter((line) => !line.includes(TAG))
    .join("\n");
  assert.equal(look(k, record(k, { mounts }), once(without, full)).mounts.length, 1);
  assert.equal(reads, 2);
  reads = 0;
  assert.equal(look(k, record(k, { mounts }), once(without, without)).mounts.length, 0);
  assert.equal(reads, 2);
  reads = 0;
  look(k, record(k, { mounts }), once(full, full));
  assert.equal(reads, 1, "nothing is read twice where nothing is missing");
});

test("F11, F22 rebooted; elsewhere and living; elsewhere and gone; kept by a bind mount alone", () => {
  const k = host();
  assert.equal(look(k, record(k, { boot: "boot-0", mountNamespace: "1" })).rebooted, true);
  assert.equal(
    look(k, record(k, { boot: "boot-0", mountNamespace: "1" })).elsewhere,
    undefined,
    "numbers of another boot say nothing",
  );
  const ours = `40 1 0:40 / /state/envs/${ID}/merged rw - overlay envctl:${LINEAGE}:${ID} rw\n`;
  const worker = { namespace: "4026532999", command: "[kworker]", mountinfo: ours };
  k.process(69, worker);
  k.process(70, { ...worker, command: "unshare -m bash" });
  const there = record(k, { mountNamespace: "4026532999" });
  assert.deepEqual(look(k, there).elsewhere, {
    namespace: "4026532999",
    alive: { pid: 70, command: "unshare -m bash" },
  });
  k.world.processes.delete(70);
  assert.equal(look(k, there).elsewhere!.alive!.pid, 69);
  k.process(69, { ...worker, mountinfo: "40 1 0:40 / / rw - ext4 /dev/vda rw\n" });
  assert.deepEqual(look(k, there).elsewhere, { namespace: "4026532999" }, "another namespace has its number");
  k.disk.file("/run/ns");
  k.disk.mount({ dev: "0:4", root: "mnt:[4026532999]", point: "/run/ns", type: "nsfs", source: "nsfs" });
  assert.equal(look(k, there).elsewhere!.alive!.command, "(kept by the bind mount /run/ns)");
});

test("F16 a source that is gone or another object now", () => {
  const k = host();
  const { dev, ino } = k.reader.stat("/repo/src" as AbsPath)!;
  const volume = (address: string, path: string, inode: VolumeResource["inode"]): VolumeResource =>
    ({ kind: "volume", address, path, inode }) as unknown as VolumeResource;
  const resources = [
    volume("same", "/repo/src", { dev, ino }),
    volume("gone", "/repo/gone", { dev, ino }),
    volume("replaced", "/repo/src", { dev, ino: "1" }),
    { kind: "volume", address: "created", path: "/repo/new" } as unknown as VolumeResource,
  ];
  assert.deepEqual(look(k, record(k, { resources })).staleSources, { gone: "gone", replaced: "replaced" });
});

test("groups: recorded ones, present or not, and others at our place; values, use and whether anybody is in them", () => {
  const k = host();
  k.hierarchy("/cg/memory", ["memory"]);
  k.hierarchy("/cg/pids", ["pids"]);
  k.hierarchy("/cg/unified", [], 2);
  const dir = (h: string): AbsPath => `/cg/${h}/envctl-${LINEAGE}/${ID}` as AbsPath;
  for (const h of ["memory", "pids"])
    for (const path of [`/cg/${h}/envctl-${LINEAGE}`, dir(h)]) k.cgroups.create(path as AbsPath);
  k.cgroups.write(dir("memory"), "memory.limit_in_bytes", "268435456");
  k.process(9, { groups: [dir("pids")] });
  const cgroups = [
    { dir: dir("memory"), version: 1, controllers: ["memory"] },
    { dir: dir("unified"), version: 2, controllers: [] },
  ] as const;
  const seen = look(k, record(k, { cgroups }));
  assert.deepEqual(seen.cgroups, [
    {
      dir: dir("memory"),
      version: 1,
      exists: true,
      values: { memory: "268435456" },
      memoryUse: "0",
      populated: false,
    },
    { dir: dir("unified"), version: 2, exists: false, values: {}, populated: false },
    { dir: dir("pids"), version: 1, exists: true, values: {}, populated: true },
  ]);
  assert.deepEqual([...groupsOfLineage(k.reader, seen.hierarchies, LINEAGE).keys()], [ID]);
  assert.deepEqual(
    groupsOfLineage(k.reader, seen.hierarchies, LINEAGE)
      .get(ID)!
      .map((g) => g.dir),
    [dir("memory"), dir("pids")],
  );
  assert.equal(groupsOfLineage(k.reader, seen.hierarchies, "00000000" as Lineage).size, 0);
});

test("on v1 a group with groups below it cannot simply be removed, processes or not", () => {
  const k = host();
  k.hierarchy("/cg/pids", ["pids"]);
  const dir = `/cg/pids/envctl-${LINEAGE}/${ID}` as AbsPath;
  for (const path of [`/cg/pids/envctl-${LINEAGE}`, dir]) k.cgroups.create(path as AbsPath);
  assert.equal(look(k).cgroups[0]!.populated, false);
  k.cgroups.create(`${dir}/below` as AbsPath);
  assert.equal(look(k).cgroups[0]!.populated, true);
});

test("what was written inside is noticed, and measured on demand", () => {
  const k = host();
  assert.equal(look(k).upperUsed, false);
  k.disk.file(`${PLACE.upper}/etc/motd`, "hello");
  k.disk.file(`${PLACE.upper}/a`, "xy");
  k.disk.link(`${PLACE.upper}/l`, "/nowhere");
  assert.equal(look(k).upperUsed, true);
  assert.deepEqual(measureUpper(k.reader, PLACE.upper), { paths: 4, bytes: "7" });
  assert.deepEqual(measureUpper(k.reader, "/nothing" as AbsPath), { paths: 0, bytes: "0" });
});

test("one look at the host serves several environments", () => {
  const k = host();
  overlay(k);
  const once = lookAtHost(k.reader);
  const blind: Reader = { ...k.reader, text: (path) => assert.fail(`read ${path} again`) };
  const seen = observe(blind, ID, LINEAGE, STATE, { host: once });
  assert.equal(seen.mounts.length, 1);
});

test("before Linux 5.8 the covering mount is the last with the longest point", () => {
  const k = host();
  k.disk.tmpfs("/var/lib", "a");
  const old: Reader = { ...k.reader, mountId: () => undefined };
  assert.equal(coveringMount(old, k.disk.mountinfo(), "/var/lib/envctl/envs" as AbsPath)!.point, "/var/lib");
  assert.equal(coveringMount(old, k.disk.mountinfo(), "/var/library" as AbsPath)!.point, "/");
});
