import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { foreignMounts } from "#guard/foreign";
import { type Held, holders } from "#guard/holders";
import { ageOf } from "#guard/person";
import type { Claim } from "#guard/claim";
import { readTable } from "#guard/table";
import type { AbsPath } from "#model/brand";
import type { Holder } from "#model/observed";
import { namespacesWith } from "#observe/namespaces";
import { needs } from "#test/needs";
import { FakeKernel } from "#test/fake-kernel";
import {
  bareClaim,
  ID,
  LINEAGE,
  mount,
  mounts,
  overlayAt,
  reader,
  TAG,
  umount,
  type Yard,
  yard,
} from "./fixture.ts";

const onOverlay = needs("root", "mounts", "overlay");

/** A process of the test's own that says when it is ready; it ends with the test. */
async function start(
  t: TestContext,
  cwd: string,
  script: string,
  shell: readonly string[] = ["sh", "-c"],
): Promise<ChildProcess> {
  const child = spawn(shell[0]!, [...shell.slice(1), `${script}\necho ready; read line`], {
    cwd,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => stop(child));
  await once(child.stdout!, "data");
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function held(y: Yard, more: Partial<Held> = {}): Held {
  const views = namespacesWith(reader, TAG, new Set());
  const here = readTable(reader, [y.place.dir]).mounts.filter((m) => m.point.startsWith(y.place.dir));
  const dev = here.find((m) => m.type === "overlay")?.dev;
  return {
    merged: y.place.merged,
    ids: new Set([...here, ...views.flatMap((v) => v.mounts)].map((m) => m.id)),
    own: new Set(),
    tag: TAG,
    ...(dev === undefined ? {} : { dev }),
    ...more,
  };
}

const of = (found: readonly Holder[], child: ChildProcess): Holder | undefined =>
  found.find((h) => h.pid === child.pid);

test(
  "A15 a shell whose working directory is inside is named, with user, age and command",
  onOverlay,
  async (t) => {
    const y = yard(t);
    overlayAt(y, "work");
    const shell = await start(t, join(y.place.merged, "work"), "");
    const found = holders(reader, held(y));
    assert.deepEqual(
      found.map((h) => h.pid),
      [shell.pid],
    );
    const { user, age, command, holds, own, namespace } = found[0]!;
    assert.deepEqual(
      { user, holds, own, namespace },
      { user: "root", holds: "cwd /work", own: false, namespace: undefined },
    );
    assert.match(command, /^sh -c .*echo ready/s);
    assert.ok(age >= 0 && age < 60);
    assert.equal(holders(reader, held(y, { own: new Set([shell.pid!]) }))[0]!.own, true);
    await stop(shell);
    assert.deepEqual(holders(reader, held(y)), []);
  },
);

test(
  "open files, a program, a root, and files of a volume are found; what lies beside is not",
  onOverlay,
  async (t) => {
    const y = yard(t);
    copyFileSync("/bin/sleep", join(y.dir, "root/sleep"));
    overlayAt(y, "var/cache");
    const source = join(y.dir, "precious") as AbsPath;
    mounts.inner(y.place.merged, {
      kind: "volume",
      address: "v",
      target: "/var/cache",
      source,
      path: source,
      type: "dir",
      access: "rw",
      recursive: false,
      options: [],
    });
    const file = await start(t, "/", `exec 5<"${y.place.merged}/file"`);
    const volume = await start(t, "/", `exec 5<"${y.place.merged}/var/cache/data"`);
    const beside = await start(t, y.dir, `exec 5<"${y.dir}/precious/data" 6<"${y.dir}/root/file"`);
    const program = spawn(join(y.place.merged, "sleep"), ["60"], { cwd: "/", stdio: "ignore" });
    t.after(() => stop(program));
    await once(program, "spawn");
    const found = holders(reader, held(y));
    assert.equal(of(found, file)!.holds, "file /file");
    assert.equal(of(found, volume)!.holds, "file /var/cache/data");
    assert.equal(of(found, program)!.holds, "program /sleep");
    assert.equal(of(found, beside), undefined);
  },
);

test("what is mapped but no longer open is found when looked for thoroughly", onOverlay, async (t) => {
  const y = yard(t);
  const library = /\/\S*\/libm\.so\S*/.exec(readFileSync("/proc/self/maps", "utf8"));
  copyFileSync(library![0], join(y.dir, "root/lib.so"));
  overlayAt(y);
  // The loader maps a preloaded library and closes it.
  const child = spawn("sh", ["-c", "echo ready; read line"], {
    cwd: "/",
    env: { LD_PRELOAD: join(y.place.merged, "lib.so") },
    stdio: ["pipe", "pipe", "ignore"],
  });
  t.after(() => stop(child));
  await once(child.stdout, "data");
  assert.equal(of(holders(reader, held(y)), child), undefined);
  assert.equal(of(holders(reader, held(y), true), child)!.holds, "mapped /lib.so");
});

test(
  "F24 a process in another namespace, in a copy that no mount table shows, is found by its device",
  onOverlay,
  async (t) => {
    const y = yard(t);
    overlayAt(y, "work");
    const there = await start(t, "/", `cd "${y.place.merged}/work"`, ["unshare", "-m", "sh", "-c"]);
    const before = holders(reader, held(y));
    assert.equal(of(before, there)!.holds, "cwd /work");
    assert.equal(of(before, there)!.namespace, readlinkSync(`/proc/${there.pid}/ns/mnt`).slice(5, -1));
    const { dev } = held(y);
    umount(y.place.merged);
    // rmdir detaches the copies everywhere; the process stays in its own.
    rmdirSync(y.place.merged);
    mkdirSync(y.place.merged);
    assert.deepEqual(namespacesWith(reader, TAG, new Set()), []);
    const after = holders(reader, held(y, { dev: dev! }));
    assert.equal(of(after, there)?.pid, there.pid);
    await stop(there);
    assert.deepEqual(holders(reader, held(y, { dev: dev! })), []);
  },
);

test(
  "a device number that went to another file system meanwhile holds nothing of ours",
  onOverlay,
  async (t) => {
    const y = yard(t);
    mount("-t", "tmpfs", "other", join(y.dir, "precious"));
    const child = await start(t, join(y.dir, "precious"), "");
    const { dev } = reader.stat(join(y.dir, "precious") as AbsPath)!;
    const stale: Held = { merged: y.place.merged, ids: new Set(), dev, own: new Set(), tag: TAG };
    assert.equal(of(holders(reader, stale), child), undefined);
    const { tag: _, ...untold } = stale;
    assert.equal(of(holders(reader, untold), child)?.pid, child.pid, "without the tag it looks like ours");
  },
);

test("this process is named only where nobody else is: envctl shares its shell's directory", () => {
  const k = new FakeKernel();
  k.disk.dir("/state/m");
  k.disk.tmpfs("/state/m", "t");
  const what = (): Held => ({
    merged: "/state/m" as AbsPath,
    ids: new Set([k.disk.table.at(-1)!.id]),
    own: new Set(),
  });
  k.process(k.reader.pid, { cwd: "/state/m" as AbsPath, command: "node envctl destroy" });
  assert.deepEqual(
    holders(k.reader, what()).map((h) => h.command),
    ["node envctl destroy"],
  );
  k.process(77, { cwd: "/state/m" as AbsPath, command: "bash", uid: 1234 });
  assert.deepEqual(
    holders(k.reader, what()).map((h) => [h.pid, h.user, h.age]),
    [[77, "1234", 10]],
  );
  k.process(78, { cwd: "/elsewhere" as AbsPath });
  assert.equal(ageOf(k.reader, 78), 10);
});

test(
  "promise 7, F12: foreign mounts at, below and beside ours, here and in other namespaces",
  onOverlay,
  async (t) => {
    const y = yard(t);
    overlayAt(y, "work", "mnt", "own");
    const source = join(y.dir, "precious") as AbsPath;
    const inner = {
      kind: "volume",
      address: "v",
      target: "/work",
      source,
      path: source,
      type: "dir",
      access: "rw",
      recursive: false,
      options: [],
    } as const;
    const claim: Claim = {
      ...bareClaim(LINEAGE, ID, y.state),
      resources: [inner],
      mounts: { v: mounts.inner(y.place.merged, inner) },
    };
    const found = (own: ReadonlySet<number> = new Set()): readonly (readonly [string, string, boolean])[] =>
      foreignMounts(reader, claim, namespacesWith(reader, TAG, own)).map(
        (m) => [m.point.slice(y.dir.length), m.type, m.seenBy !== undefined] as const,
      );
    assert.deepEqual(found(), []);

    const copy = await start(t, "/", "true", ["unshare", "-m", "sh", "-c"]);
    assert.deepEqual(found(), [], "a copy in another namespace does no harm");

    const adds = await start(t, "/", `mount -t tmpfs there "${y.place.merged}/own"`, [
      "unshare",
      "-m",
      "sh",
      "-c",
    ]);
    const merged = y.place.merged.slice(y.dir.length);
    assert.deepEqual(found(), [[`${merged}/own`, "tmpfs", true]]);
    const [seen] = foreignMounts(reader, claim, namespacesWith(reader, TAG, new Set()));
    assert.equal(seen!.seenBy!.pid, adds.pid);
    assert.deepEqual(found(new Set([adds.pid!])), [], "what a run of ours mounts goes with it");
    await stop(adds);

    mount("-t", "tmpfs", "here", join(y.place.merged, "mnt"));
    mkdirSync(join(y.place.merged, "mnt/deeper"));
    mount("-t", "tmpfs", "here", join(y.place.merged, "mnt/deeper"));
    mkdirSync(join(y.dir, "beside"));
    mount("--bind", y.place.merged, join(y.dir, "beside"));
    writeFileSync(join(y.place.dir, "x"), "");
    assert.deepEqual(found(), [
      ["/beside", "overlay", false],
      [`${merged}/mnt/deeper`, "tmpfs", false],
      [`${merged}/mnt`, "tmpfs", false],
    ]);
    await stop(copy);
  },
);
