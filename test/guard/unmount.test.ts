import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { type Claim, claimOf } from "#guard/claim";
import { prove } from "#guard/prove";
import { readTable } from "#guard/table";
import { unmount } from "#guard/unmount";
import type { AbsPath } from "#model/brand";
import { Failure, KernelError } from "#model/diagnostic";
import type { EnvRecord } from "#model/record";
import type { TmpfsResource, VolumeResource } from "#model/resource";
import { mountsBelow } from "#test/mountinfo";
import { needs } from "#test/needs";
import {
  bareClaim,
  ID,
  LINEAGE,
  mount,
  mounts,
  overlayAt,
  precious,
  reader,
  real,
  TAG,
  umount,
  type Yard,
  yard,
} from "./fixture.ts";

const refused = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.equal(error.diagnostics[0]!.code, code);
  assert.match(`${error.diagnostics[0]!.summary}\n${error.diagnostics[0]!.detail}`, text);
  return true;
};

function volume(y: Yard, target: string, source: string, more: Partial<VolumeResource> = {}): VolumeResource {
  const path = join(y.dir, source) as AbsPath;
  mkdirSync(path, { recursive: true });
  const { dev, ino } = reader.stat(path)!;
  return {
    kind: "volume",
    address: `web.volume["${target}"]`,
    target,
    source,
    path,
    type: "dir",
    inode: { dev, ino },
    access: "rw",
    recursive: false,
    options: [],
    ...more,
  };
}

const tmpfs = (target: string): TmpfsResource => ({
  kind: "tmpfs",
  address: `web.tmpfs["${target}"]`,
  target,
  mode: 0o1777,
});

/** An overlay with these inside, made through the port, and the claim a record would make of it. */
function applied(y: Yard, ...inner: readonly (VolumeResource | TmpfsResource)[]): Claim {
  overlayAt(y);
  const made = inner.map((m) => [m.address, mounts.inner(y.place.merged, m)] as const);
  return { ...bareClaim(LINEAGE, ID, y.state), mounts: Object.fromEntries(made), resources: inner };
}

const points = (y: Yard): readonly string[] => mountsBelow(y.dir).map((m) => m.point.slice(y.dir.length));
const inside = (y: Yard, target: string): AbsPath => join(y.place.merged, target) as AbsPath;

test(
  "ours goes, one at a time: volumes by their identity, the overlay by tag and place",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const claim = applied(y, volume(y, "/work", "src"), tmpfs("/tmp"));
    for (const point of [inside(y, "work"), inside(y, "tmp"), y.place.merged])
      assert.equal(unmount(real, claim, point), true);
    assert.deepEqual(points(y), []);
    assert.equal(unmount(real, claim, y.place.merged), false, "nothing is mounted there");
  },
);

test(
  "a mount that is not ours is never unmounted, wherever it lies",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const claim = applied(y, volume(y, "/work", "src"));
    mkdirSync(inside(y, "mnt"));
    mount("--bind", join(y.dir, "precious"), inside(y, "mnt"));
    mount("-t", "tmpfs", "tmpfs", inside(y, "work")); // over ours
    const before = points(y);
    assert.throws(
      () => unmount(real, claim, inside(y, "mnt")),
      refused("foreign_mount", /was not made by envctl/),
    );
    assert.throws(
      () => unmount(real, claim, inside(y, "work")),
      refused("foreign_mount", /was not made by envctl/),
    );
    assert.throws(
      () => unmount(real, claim, y.place.merged, { lazy: true }),
      refused("foreign_mount", /merged\/(mnt|work) is not ours/),
    );
    assert.throws(
      () => unmount(real, claim, "/proc" as AbsPath),
      refused("refused", /not envctl's to unmount/),
    );
    assert.deepEqual(points(y), before);
    assert.equal(precious(y), "irreplaceable");
    umount(inside(y, "work"));
    assert.equal(unmount(real, claim, inside(y, "work")), true);
  },
);

test(
  "an overlay with another tag, or ours at another place, is not ours",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    overlayAt(y);
    const other = { ...bareClaim("0badf00d" as typeof LINEAGE, ID, y.state) };
    assert.throws(
      () => unmount(real, other, y.place.merged),
      refused("foreign_mount", /is not the overlay envctl:0badf00d/),
    );
    mkdirSync(join(y.place.dir, "else"));
    mount("--bind", y.place.merged, join(y.place.dir, "else"));
    assert.throws(
      () => unmount(real, bareClaim(LINEAGE, ID, y.state), join(y.place.dir, "else") as AbsPath),
      refused("foreign_mount", /where envctl mounts nothing/),
    );
  },
);

test(
  "a volume taken away by hand and mounted again by hand is not the one recorded",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const v = volume(y, "/work", "src");
    const claim = applied(y, v);
    const { unique } = claim.mounts[v.address]!;
    umount(inside(y, "work"));
    mount("--bind", v.path, inside(y, "work"));
    const id = reader.mountId(inside(y, "work"))!;
    // The kernel hands small ids out again at once: the case this is about.
    const reused: Claim = { ...claim, mounts: { [v.address]: { ...claim.mounts[v.address]!, id } } };
    if (unique !== undefined)
      assert.throws(() => unmount(real, reused, inside(y, "work")), refused("foreign_mount", /was not made/));
    assert.throws(
      () =>
        unmount(
          real,
          { ...claim, mounts: { [v.address]: { ...claim.mounts[v.address]!, id: "1" } } },
          inside(y, "work"),
        ),
      refused("foreign_mount", /was not made/),
    );
  },
);

test(
  "without unique ids a reused id is caught by the object that is mounted",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const v = volume(y, "/work", "src");
    const claim = applied(y, v);
    const { unique: _, ...old } = claim.mounts[v.address]!;
    umount(inside(y, "work"));
    mount("--bind", join(y.dir, "precious"), inside(y, "work"));
    const reused: Claim = {
      ...claim,
      mounts: { [v.address]: { ...old, id: reader.mountId(inside(y, "work"))! } },
    };
    assert.throws(() => unmount(real, reused, inside(y, "work")), refused("foreign_mount", /was not made/));
    umount(inside(y, "work"));
    mount("--bind", v.path, inside(y, "work"));
    assert.equal(
      unmount(
        real,
        { ...claim, mounts: { [v.address]: { ...old, id: reader.mountId(inside(y, "work"))! } } },
        inside(y, "work"),
      ),
      true,
    );
  },
);

test(
  "without unique ids, in the middle of a change, what was there and what comes are both ours",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const [before, after] = [volume(y, "/work", "src"), volume(y, "/work", "precious")];
    for (const now of [before, after]) {
      const claim = applied(y, now);
      const { unique: _, ...old } = claim.mounts[now.address]!;
      const both: Claim = { ...claim, resources: [before, after], mounts: { [now.address]: old } };
      assert.equal(unmount(real, both, inside(y, "work")), true);
      umount(y.place.merged);
    }
  },
);

test(
  "killed between mounting and noting: what was declared, where it was declared, counts",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    mkdirSync(join(y.dir, "root/sub"));
    symlinkSync("/inner/../other", join(y.dir, "root/sub/link")); // absolute: inside
    for (const dir of ["other", "inner"]) mkdirSync(join(y.dir, "root", dir));
    const all = [volume(y, "/work", "src"), volume(y, "/sub/link/data", "data"), tmpfs("/tmp")];
    const claim: Claim = { ...applied(y, ...all), mounts: {}, interrupted: true };
    mkdirSync(inside(y, "strange"));
    mount("--bind", all[0]!.kind === "volume" ? all[0]!.path : "", inside(y, "strange"));
    assert.throws(() => unmount(real, claim, inside(y, "strange")), refused("foreign_mount", /was not made/));
    for (const at of ["work", "other/data", "tmp"])
      assert.equal(unmount(real, claim, inside(y, at)), true, at);
    umount(inside(y, "strange"));
    assert.equal(unmount(real, claim, y.place.merged), true);
  },
);

test(
  "what hangs below somebody else's mount is somebody else's, even where and what was declared",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    overlayAt(y, "mnt");
    const v = volume(y, "/mnt/data", "src");
    const claim: Claim = { ...bareClaim(LINEAGE, ID, y.state), resources: [v], interrupted: true };
    mount("-t", "tmpfs", "tmpfs", inside(y, "mnt"));
    mkdirSync(inside(y, "mnt/data"));
    mount("--bind", v.path, inside(y, "mnt/data"));
    assert.throws(
      () => unmount(real, claim, inside(y, "mnt/data")),
      refused("foreign_mount", /does not hang below an overlay of this environment/),
    );
  },
);

test(
  "stacked twice: the topmost goes first, and the other is still recognised",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const claim = applied(y);
    mount("-t", "overlay", TAG, "-o", `lowerdir=${y.dir}/root:${y.dir}/precious`, y.place.merged);
    const top = reader.mountId(y.place.merged)!;
    assert.throws(
      () => unmount(real, claim, y.place.merged, { expected: "1" }),
      refused("stale_plan", /not 1 as planned/),
    );
    assert.equal(unmount(real, claim, y.place.merged, { expected: top }), true);
    assert.equal(unmount(real, claim, y.place.merged), true);
    assert.deepEqual(points(y), []);
  },
);

test(
  "a mount that another hides is not reached through its path",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const claim = applied(y);
    mount("-t", "tmpfs", "tmpfs", y.place.dir);
    mkdirSync(y.place.merged);
    assert.throws(
      () => unmount(real, claim, y.place.merged),
      refused("foreign_mount", /hidden by another mount/),
    );
    assert.equal(points(y).length, 2);
  },
);

test(
  "the anchor is a self-bind of the environment's directory, and nothing else is",
  needs("root", "mounts"),
  (t) => {
    const y = yard(t);
    const claim = bareClaim(LINEAGE, ID, y.state);
    const made = mounts.anchor(y.place.dir);
    const recorded: Claim = { ...claim, mounts: { anchor: { ...made, point: y.place.dir } } };
    mount("--bind", y.place.dir, y.place.dir); // somebody else's
    assert.throws(() => unmount(real, recorded, y.place.dir), refused("foreign_mount", /not the self-bind/));
    umount(y.place.dir);
    assert.equal(unmount(real, recorded, y.place.dir), true);
    mount("--bind", join(y.dir, "precious"), y.place.dir);
    assert.throws(() => unmount(real, claim, y.place.dir), refused("foreign_mount", /not the self-bind/));
  },
);

test("the tmpfs of an upper carries our tag; another at its place does not", needs("root", "mounts"), (t) => {
  const y = yard(t);
  const claim = bareClaim(LINEAGE, ID, y.state);
  mount("-t", "tmpfs", "tmpfs", y.place.rw);
  assert.throws(() => unmount(real, claim, y.place.rw), refused("foreign_mount", /not the tmpfs envctl:/));
  umount(y.place.rw);
  mounts.tmpfs(y.place.rw, { tag: TAG });
  assert.equal(unmount(real, claim, y.place.rw), true);
});

test(
  "what a recursive volume brought along is ours, what was added below it is not",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const v = volume(y, "/work", "src", { recursive: true });
    mkdirSync(join(v.path, "sub"));
    mkdirSync(join(v.path, "own"));
    mount("-t", "tmpfs", "sub", join(v.path, "sub"));
    mkdirSync(join(v.path, "sub/deep"));
    mount("--bind", join(y.dir, "precious"), join(v.path, "sub/deep"));
    const claim = applied(y, v);
    mount("-t", "tmpfs", "added", inside(y, "work/own"));
    const table = readTable(reader, [y.place.dir]);
    const verdict = (target: string): boolean =>
      prove(
        reader,
        table,
        claim,
        table.mounts.find((m) => m.point === inside(y, target))!,
      ).ours;
    assert.deepEqual(["work", "work/sub", "work/sub/deep", "work/own"].map(verdict), [
      true,
      true,
      true,
      false,
    ]);
    const before = points(y);
    assert.throws(
      () => unmount(real, claim, inside(y, "work")),
      refused("foreign_mount", /work\/own is not ours/),
    );
    assert.deepEqual(points(y), before, "nothing went before that was seen");
    umount(inside(y, "work/own"));
    assert.equal(unmount(real, claim, inside(y, "work")), true);
    const merged = y.place.merged.slice(y.dir.length);
    assert.deepEqual(points(y), ["/src/sub", "/src/sub/deep", merged]);
    assert.equal(precious(y), "irreplaceable");
  },
);

test(
  "what is in use is not unmounted unless asked for, and the kernel's word comes through",
  needs("root", "mounts", "overlay"),
  (t) => {
    const y = yard(t);
    const v = volume(y, "/work", "src");
    const claim = applied(y, v);
    assert.throws(
      () => unmount(real, claim, y.place.merged),
      (error) => error instanceof KernelError && error.errno === "EBUSY",
    );
    assert.equal(unmount(real, claim, y.place.merged, { lazy: true }), true);
    assert.deepEqual(points(y), []);
  },
);

test("a record claims what it holds; an interrupted one also what stood before", () => {
  const record = {
    lineage: LINEAGE,
    id: ID,
    mounts: {},
    phase: "applying",
    resources: [tmpfs("/a")],
    previous: [tmpfs("/b")],
  } as unknown as EnvRecord;
  const claim = claimOf(record, "/state" as AbsPath);
  assert.deepEqual(
    claim.resources.map((r) => r.address),
    ['web.tmpfs["/a"]', 'web.tmpfs["/b"]'],
  );
  assert.equal(claim.interrupted, true);
  assert.equal(claimOf({ ...record, phase: "applied" }, "/state" as AbsPath).interrupted, false);
});
