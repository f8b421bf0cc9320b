import assert from "node:assert/strict";
import test from "node:test";
import { join } from "#model/brand";
import type { Observed } from "#model/observed";
import type { Overlay, Resource } from "#model/resource";
import type { Step } from "#model/step";
import { lower } from "#plan/lower";
import {
  base,
  blank,
  group,
  innerEntry,
  layer,
  limit,
  observed,
  overlay,
  overlayEntry,
  planFor,
  PLACE,
  V2,
  volume,
} from "./fixture.ts";

const all: readonly Resource[] = [
  ...base(),
  overlay(),
  volume("/data"),
  volume("/data/sub"),
  limit("memory", "268435456"),
];
const text = (s: Step): string =>
  `${s.do} ${s.do === "unmount" ? s.point : s.do === "limit" ? s.writes.map((w) => `${w.file}=${w.value}`).join(",") : s.do === "write_record" ? s.phase : s.address}`;
const steps = (desired: readonly Resource[], seen = observed(all)): string[] =>
  lower(planFor(desired, seen)).map(text);

test("F2 nothing to change: no step at all, not even the record", () => {
  assert.deepEqual(steps(all), []);
});

test("a first apply: record before anything else, overlay and volumes as one step, limits after, record last", () => {
  const kinds = lower(planFor(all, blank())).map((s) => s.do);
  assert.deepEqual(kinds.slice(0, 2), ["create_dir", "write_record"]);
  assert.equal(kinds.filter((k) => k === "stack").length, 1);
  assert.ok(kinds.indexOf("stack") < kinds.indexOf("create_cgroup"));
  assert.ok(kinds.indexOf("create_cgroup") < kinds.indexOf("limit"));
  assert.equal(kinds.at(-1), "write_record");
});

test("E20 E21 volumes leave before the overlay, /data/sub before /data", () => {
  const out = lower(planFor([], observed(all), "destroy")).map(text);
  const at = (s: string): number => out.indexOf(s);
  assert.ok(at(`unmount ${PLACE.merged}/data/sub`) >= 0);
  assert.ok(at(`unmount ${PLACE.merged}/data/sub`) < at(`unmount ${PLACE.merged}/data`));
  assert.ok(at(`unmount ${PLACE.merged}/data`) < at(`unmount ${PLACE.merged}`));
  assert.ok(at("stop_processes web") < at(`unmount ${PLACE.merged}/data/sub`));
  assert.equal(out.at(-1), "forget web");
});

test("a replaced overlay is released before it is mounted again", () => {
  const tools = layer("tools");
  const out = lower(
    planFor(
      [...base([tools]), overlay([tools]), volume("/data")],
      observed([...base(), overlay(), volume("/data")]),
    ),
  ).map((s) => s.do);
  assert.deepEqual(
    out.filter((d) => ["unmount", "release", "stack"].includes(d)),
    ["unmount", "unmount", "release", "stack"],
  );
});

test("F5 one missing volume: one bind", () => {
  const seen = observed(all, { mounts: [overlayEntry(overlay()), innerEntry(volume("/data"))] });
  assert.deepEqual(
    steps(all, seen).filter((s) => /^(bind|unmount|stack)/.test(s)),
    ['bind web.volume["/data/sub"]'],
  );
});

test("D3 an empty upper moves between disk and tmpfs, and to a tmpfs of another size; one that holds something stays", () => {
  const on = (upper: Overlay["upper"]): readonly Resource[] => [...base(), overlay([], { upper })];
  const tmpfs = (bytes: string): Overlay["upper"] => ({ kind: "tmpfs", bytes });
  const rw = {
    ...overlayEntry(overlay()),
    id: "77",
    point: PLACE.rw,
    type: "tmpfs",
    superOptions: ["rw", "size=8192k"],
  };
  const moves = (to: Overlay["upper"], upperUsed = false): string[] => {
    const was = on(tmpfs("8388608"));
    return steps(on(to), observed(was, { mounts: [rw, overlayEntry(overlay())], upperUsed })).filter((s) =>
      /rw$|mount_rw|anchor/.test(s),
    );
  };
  assert.deepEqual(moves({ kind: "disk" }), [`unmount ${PLACE.rw}`]);
  assert.deepEqual(moves(tmpfs("16777216")), [`unmount ${PLACE.rw}`, "mount_rw web.overlay"]);
  assert.deepEqual(moves({ kind: "none" }), [`unmount ${PLACE.rw}`]);
  assert.deepEqual(moves({ kind: "none" }, true), []);
  assert.deepEqual(moves({ kind: "disk" }, true), []);
});

test("a shared parent mount gets an anchor first, a private one none", () => {
  const covering = { ...overlayEntry(overlay()), point: "/", type: "ext4", source: "/dev/sda1" };
  const kinds = (propagation: string[], mounts: Observed["mounts"] = []): string[] =>
    lower(planFor(all, blank({ mounts, covering: { ...covering, propagation } }))).map((s) => s.do);
  assert.ok(kinds(["shared:1"]).indexOf("anchor") < kinds(["shared:1"]).indexOf("stack"));
  assert.ok(kinds(["shared:1"]).includes("anchor"));
  assert.ok(!kinds([]).includes("anchor"));
  assert.ok(!kinds(["master:1"]).includes("anchor"));
  const theirs = { ...covering, point: join(PLACE.rw, "work"), source: "somebody's" };
  assert.ok(!kinds(["shared:1"], [theirs]).includes("anchor"), "it would hide what somebody mounted there");
});

test("E12 memsw is raised before the limit and lowered after it", () => {
  const at = (memory: string): readonly Resource[] => [
    ...base(),
    overlay(),
    limit("memory", memory),
    limit("swap", "0"),
  ];
  const writes = (from: string, to: string): string[] => {
    const seen = observed(at(from));
    return lower(planFor(at(to), seen)).flatMap((s) => (s.do === "limit" ? s.writes.map((w) => w.file) : []));
  };
  assert.deepEqual(writes("1048576", "2097152"), ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]);
  assert.deepEqual(writes("2097152", "1048576"), ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]);
});

test("E10 v2: one group, OCI's weight, swap on its own", () => {
  const desired = [
    ...base(),
    overlay(),
    limit("memory", "1048576"),
    limit("swap", "0"),
    limit("cpu_shares", "1024"),
    limit("cpus", "1.5"),
  ];
  const out = lower(planFor(desired, blank({ hierarchies: V2 })));
  assert.equal(out.filter((s) => s.do === "create_cgroup").length, 1);
  const writes = out.flatMap((s) => (s.do === "limit" ? s.writes.map((w) => `${w.file}=${w.value}`) : []));
  assert.deepEqual(writes, [
    "memory.max=1048576",
    "memory.swap.max=0",
    "cpu.weight=100",
    "cpu.max=150000 100000",
  ]);
});

test("without limits the environment still has a group that knows its processes", () => {
  const out = lower(planFor([...base(), overlay()], blank()));
  const made = out.flatMap((s) => (s.do === "create_cgroup" ? [s.cgroup.dir] : []));
  assert.deepEqual(made, [group("pids")]);
});

test("a group that no limit needs any more goes, unless something runs in it", () => {
  const desired = [...base(), overlay(), limit("cpuset", "0")];
  const before = [...desired, limit("memory", "1048576")];
  const removed = (seen: ReturnType<typeof observed>): string[] =>
    lower(planFor(desired, seen)).flatMap((s) => (s.do === "remove_cgroup" ? [s.cgroup.dir] : []));
  const seen = observed(before);
  assert.deepEqual(removed(seen), [group("memory")]);
  const busy = { ...seen, cgroups: seen.cgroups.map((g) => ({ ...g, populated: true })) };
  assert.deepEqual(removed(busy), []);
});
