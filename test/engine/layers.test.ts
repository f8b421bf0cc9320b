import assert from "node:assert/strict";
import test from "node:test";
import type { WriteHost } from "#engine/host";
import type { AbsPath } from "#model/brand";
import { FakeHost, FILE } from "./fixture.ts";

const STORE = "/var/lib/envctl/layers/sha256" as AbsPath;
const ARCHIVE = "/repo/base.tar.gz" as AbsPath;

/** A file whose rootfs is an archive with this in it. */
function declare(f: FakeHost, content: string): FakeHost {
  f.kernel.disk.file(ARCHIVE, `\x1f\x8b${content}`);
  f.kernel.disk.file(
    FILE,
    "version: 1\nname: web\nrootfs: { archive: ../base.tar.gz }\nvolumes: [../src:/work]\n",
  );
  return f;
}

const stored = (f: FakeHost): readonly string[] => f.kernel.reader.listAny(STORE) ?? [];
const unpacked = (f: FakeHost): number => f.kernel.calls.filter((line) => line.startsWith("unpack ")).length;

async function applied(): Promise<FakeHost> {
  const f = declare(new FakeHost(), "first");
  assert.equal(await f.apply(), "done");
  return f;
}

test("A2 applied once, an archive is unpacked once", async () => {
  const f = await applied();
  assert.deepEqual(await f.pending(), [0, 0]);
  assert.equal(await f.apply(), "done");
  assert.deepEqual([unpacked(f), stored(f).length], [1, 1]);
});

for (const [what, prepare] of [
  ["the first apply of an archive", async () => declare(new FakeHost(), "first")],
  ["the apply of a changed archive", async () => declare(await applied(), "second")],
] as const) {
  test(`F3 ${what}, killed at every call: the next one converges, and nothing half-made is left`, async () => {
    for (let at = 1; ; at++) {
      const f = await prepare();
      const end = await f.killedAt(at, () => f.apply());
      assert.equal(await f.apply(), "done", `apply after a kill at call ${at}`);
      assert.deepEqual(await f.pending(), [0, 0], `plan after a kill at call ${at}`);
      assert.ok(
        stored(f).every((name) => /^[0-9a-f]{64}$/.test(name)),
        `${stored(f).join()} after call ${at}`,
      );
      if (end === "finished") return assert.ok(at > 10, `only ${at} calls were tried`);
    }
  });
}

test("A18 a layer that cannot be made costs nothing: what stood stays, unpacked halves go", async () => {
  for (const call of ["unpack ", "keep "]) {
    const f = declare(await applied(), "second");
    const before = [f.shape(), stored(f)];
    f.kernel.failOn(call, "ENOSPC");
    assert.match(await f.apply(), /^failed/);
    assert.deepEqual([f.shape(), stored(f)], before, call);
  }
});

/** A signal comes at the third look at the lock of a layer. */
class Impatient extends FakeHost {
  override get host(): WriteHost {
    const looks = (): number => this.kernel.calls.filter((line) => /^lock .*\.lock$/.test(line)).length;
    return { ...super.host, interrupted: () => looks() >= 3 };
  }
}

test("F14 a signal ends the wait for another envctl that makes the same layer; what was there stays", async () => {
  const [digest] = stored(await applied());
  const f = declare(new Impatient(), "first");
  f.kernel.handles.locks.set(`${STORE}/.${digest}.lock` as AbsPath, 4242);
  const before = f.shape();
  assert.equal(await f.apply(), "interrupted all");
  assert.deepEqual([f.shape(), unpacked(f)], [before, 0]);
});
