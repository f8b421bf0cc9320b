import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import type { Overlay, Resource } from "#model/resource";
import {
  base,
  blank,
  innerEntry,
  layer,
  limit,
  observed,
  overlay,
  overlayEntry,
  planFor,
  record,
  verdicts,
  volume,
} from "./fixture.ts";

const all: readonly Resource[] = [
  ...base(),
  overlay(),
  volume("/data"),
  volume("/data/sub"),
  limit("memory", "268435456"),
];

test("nothing there: everything but the layers used in place is created", () => {
  assert.deepEqual(verdicts(planFor(all, blank())), {
    rootfs: "keep",
    overlay: "create not_applied",
    'volume["/data"]': "create not_applied",
    'volume["/data/sub"]': "create not_applied",
    "limit.memory": "create not_applied",
  });
});

test("F2 everything there: everything is kept", () => {
  assert.ok(planFor(all, observed(all)).actions.every((a) => a.op === "keep"));
});

test("F5 a hand-unmounted volume: only it is mounted again", () => {
  const seen = observed(all, { mounts: [overlayEntry(overlay()), innerEntry(volume("/data"))] });
  const { 'volume["/data/sub"]': sub, ...others } = verdicts(planFor(all, seen));
  assert.equal(sub, "create missing");
  assert.ok(Object.values(others).every((v) => v === "keep"));
});

test("a volume put back below another: what hangs in it is mounted anew", () => {
  const seen = observed(all, { mounts: [overlayEntry(overlay()), innerEntry(volume("/data/sub"))] });
  const v = verdicts(planFor(all, seen));
  assert.equal(v['volume["/data"]'], "create missing");
  assert.equal(v['volume["/data/sub"]'], "replace dependency_replaced");
});

test("C19 changed lowers replace the overlay and everything in it", () => {
  const tools = layer("tools");
  const desired = [
    ...base([tools]),
    overlay([tools]),
    volume("/data"),
    volume("/data/sub"),
    limit("memory", "268435456"),
  ];
  const p = planFor(desired, observed(all));
  const v = verdicts(p);
  assert.equal(v["overlay"], "replace lowers_changed");
  assert.equal(v['volume["/data"]'], "replace dependency_replaced");
  assert.equal(v["limit.memory"], "keep");
  const action = p.actions.find((a) => a.kind === "overlay")!;
  assert.ok(action.op === "replace");
  assert.deepEqual(action.changes, [
    { path: "lowers", before: [], after: ["../tools"], forces_replace: true },
  ]);
});

test("a rootfs replaced by another directory of the same path is another rootfs", () => {
  const other: Overlay = { ...overlay(), lowers: [layer("rootfs", "another inode")] };
  assert.equal(
    verdicts(planFor([...base(), other], observed([...base(), overlay()])))["overlay"],
    "replace rootfs_changed",
  );
});

test("flags of a volume change in place, its source does not", () => {
  const readOnly = planFor(
    [...base(), overlay(), volume("/data", { access: "ro" })],
    observed([...base(), overlay(), volume("/data")]),
  );
  assert.equal(verdicts(readOnly)['volume["/data"]'], "update options_changed");
  const moved = volume("/data", { path: volume("/x").path });
  assert.equal(
    verdicts(planFor([...base(), overlay(), moved], observed([...base(), overlay(), volume("/data")])))[
      'volume["/data"]'
    ],
    "replace source_replaced",
  );
});

test("F16 a source replaced under us is mounted anew", () => {
  const seen = observed(all, { staleSources: { 'web.volume["/data"]': "replaced" } });
  const v = verdicts(planFor(all, seen));
  assert.equal(v['volume["/data"]'], "replace source_replaced");
  assert.equal(v['volume["/data/sub"]'], "replace dependency_replaced");
});

test("F6 a volume stacked twice is replaced", () => {
  const seen = observed(all);
  const v = verdicts(planFor(all, { ...seen, mounts: [...seen.mounts, innerEntry(volume("/data/sub"))] }));
  assert.equal(v['volume["/data/sub"]'], "replace stacked");
});

test("what is no longer declared is deleted", () => {
  const v = verdicts(planFor([...base(), overlay()], observed(all)));
  assert.equal(v['volume["/data"]'], "delete not_declared");
  assert.equal(v["limit.memory"], "delete not_declared");
  assert.equal(v["overlay"], "keep");
});

test("E15 a changed limit is updated in place, mounts untouched", () => {
  const desired = all.map((r) => (r.kind === "limit" ? limit("memory", "536870912") : r));
  const v = verdicts(planFor(desired, observed(all)));
  assert.equal(v["limit.memory"], "update options_changed");
  assert.equal(Object.values(v).filter((x) => x === "keep").length, 4);
});

test("E4 a limit rounded to pages is not drift, one changed behind our back is", () => {
  const odd = [...base(), overlay(), limit("memory", "1000000")];
  const shown = (value: string): typeof seen => ({
    ...seen,
    cgroups: [{ ...seen.cgroups[0]!, values: { memory: value } }],
  });
  const seen = observed(odd);
  assert.equal(verdicts(planFor(odd, shown("999424")))["limit.memory"], "keep");
  assert.equal(verdicts(planFor(odd, shown("4096000")))["limit.memory"], "update options_changed");
});

test("F11 after a reboot everything is created again, because of it", () => {
  const v = verdicts(planFor(all, { ...observed(all), mounts: [], cgroups: [], rebooted: true }));
  assert.equal(v["overlay"], "create rebooted");
  assert.equal(v['volume["/data"]'], "create rebooted");
});

test("F2 a record may keep the keys of an upper in another order", () => {
  const declared = [...base(), overlay([], { upper: { kind: "tmpfs", bytes: "8388608" } })];
  const kept = [...base(), overlay([], { upper: { bytes: "8388608", kind: "tmpfs" } })];
  assert.equal(verdicts(planFor(declared, observed(kept)))["overlay"], "keep");
});

test("an interrupted replacement is never trusted: the old overlay may still be mounted", () => {
  const tools = layer("tools");
  const after = [...base([tools]), overlay([tools])];
  const seen = observed(after, {
    record: record(after, { phase: "applying", previous: [...base(), overlay()] }),
  });
  assert.equal(verdicts(planFor(after, seen))["overlay"], "replace options_changed");
});

test("an interrupted apply that dropped a volume still knows it", () => {
  const after = [...base(), overlay()];
  const before = [...after, volume("/data")];
  const seen = observed(before, { record: record(after, { phase: "applying", previous: before }) });
  assert.equal(verdicts(planFor(after, seen))['volume["/data"]'], "delete not_declared");
});

test("destroy takes away everything but directories used in place, in reverse", () => {
  const p = planFor([], observed(all), "destroy");
  assert.deepEqual(
    p.actions.map((a) => `${a.op} ${a.address}`),
    [
      "delete web.limit.memory",
      'delete web.volume["/data/sub"]',
      'delete web.volume["/data"]',
      "delete web.overlay",
    ],
  );
});

test("a kept writable layer is not an environment: apply creates everything", () => {
  const seen = blank({ record: record(all, { phase: "kept" }) });
  assert.equal(verdicts(planFor(all, seen))["overlay"], "create not_applied");
});

test("the same input gives the same plan, and a plan survives JSON", () => {
  const seen = observed(all);
  assert.deepEqual(planFor(all, seen), planFor(all, seen));
  const p = planFor(all, seen);
  assert.deepEqual(JSON.parse(JSON.stringify(p)), p);
});

test("a volume that somebody unmounted and mounted again is not ours any more", () => {
  const seen = observed(all);
  const mine = seen.mounts.find((m) => m.point.endsWith("/data"))!;
  const recorded = { id: "7", dev: mine.dev, point: mine.point as AbsPath };
  const again = { ...seen, record: record(all, { mounts: { 'web.volume["/data"]': recorded } }) };
  assert.equal(verdicts(planFor(all, again))['volume["/data"]'], "update options_changed");
  assert.deepEqual(
    planFor(all, again).drift.map((f) => f.kind),
    ["changed"],
  );
});
