import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { FakeHost } from "./fixture.ts";

const PLAIN = "volumes: [../src:/work:ro, ../cache:/data]\nlimits: { memory: 64MiB }";
const CHANGES: Readonly<Record<string, string>> = {
  "changed lowers": `lowers: [../tools]\n${PLAIN}`,
  "a dropped volume and a changed limit": "volumes: [../cache:/data]\nlimits: { memory: 32MiB }",
  "another source and other flags":
    "volumes: [../tools:/work:ro, ../cache:/data:ro]\nlimits: { memory: 64MiB, pids: 10 }",
  "a volume whose directory is missing": `${PLAIN}\ntmpfs: [{ target: /tmp, size: 1MiB }]`.replace(
    "../src:/work:ro",
    "../new/deep:/work",
  ),
};

const precious = (f: FakeHost): void =>
  assert.equal(f.kernel.disk.node("/repo/cache/precious" as AbsPath)?.text, "keep me");

/** Tries a kill at every call of `work`, each on a fresh host, until one run is not hit any more. */
async function everywhere(
  prepare: (f: FakeHost) => Promise<void>,
  work: (f: FakeHost) => Promise<unknown>,
  then: (f: FakeHost, at: number) => Promise<void>,
): Promise<void> {
  for (let at = 1; ; at++) {
    const f = new FakeHost();
    await prepare(f);
    const end = await f.killedAt(at, () => work(f));
    await then(f, at);
    precious(f);
    if (end === "finished") return assert.ok(at > 5, `only ${at} calls were tried`);
  }
}

const applied = async (f: FakeHost): Promise<void> => {
  f.write(PLAIN);
  assert.equal(await f.apply(), "done");
};

const converges = async (f: FakeHost, at: number): Promise<void> => {
  assert.equal(await f.apply(), "done", `apply after a kill at call ${at}`);
  assert.deepEqual(await f.pending(), [0, 0], `plan after a kill at call ${at}`);
};

test("F3 apply killed at every call: the next apply converges", async () => {
  await everywhere(
    async (f) => f.write(PLAIN),
    (f) => f.apply(),
    converges,
  );
});

test("F3 apply killed at every call: destroy leaves nothing", async () => {
  await everywhere(
    async (f) => f.write(PLAIN),
    (f) => f.apply(),
    async (f, at) => {
      await f.destroy();
      assert.deepEqual(f.shape(), new FakeHost().shape(), `after a kill at call ${at}`);
    },
  );
});

test("F3 destroy killed at every call: the next destroy finishes it, and so does an apply", async () => {
  await everywhere(
    applied,
    (f) => f.destroy(),
    async (f, at) => {
      await f.destroy();
      assert.deepEqual(f.shape(), new FakeHost().shape(), `after a kill at call ${at}`);
    },
  );
  await everywhere(applied, (f) => f.destroy(), converges);
});

for (const [what, body] of Object.entries(CHANGES)) {
  test(`F3 a change killed at every call converges: ${what}`, async () => {
    const change = async (f: FakeHost): Promise<string> => {
      f.write(body);
      return f.apply();
    };
    await everywhere(applied, change, converges);
  });

  test(`A18 a change refused at every call is put back: ${what}`, async () => {
    for (let at = 1; ; at++) {
      const f = new FakeHost();
      await applied(f);
      const before = f.shape();
      f.write(body);
      const calls = f.kernel.calls.length;
      f.kernel.failAt(at, "EIO");
      const end = await f.apply().catch((error: unknown) => `threw ${String(error)}`);
      if (f.kernel.calls.length - calls < at) return assert.ok(at > 5);
      if (end !== "done") {
        assert.match(end, /^(failed (all|nothing)|threw)/, `call ${at}: ${f.kernel.calls[calls + at - 1]}`);
        assert.deepEqual(f.shape(), before, `call ${at}: ${f.kernel.calls[calls + at - 1]}`);
        f.write(PLAIN);
        assert.deepEqual(await f.pending(), [0, 0], `call ${at}: ${f.kernel.calls[calls + at - 1]}`);
      }
      f.write(body);
      await converges(f, at);
      precious(f);
    }
  });
}

test("A18 a first apply refused at every call leaves nothing", async () => {
  for (let at = 1; ; at++) {
    const f = new FakeHost();
    f.write(PLAIN);
    f.kernel.failAt(at, "EIO");
    const end = await f.apply().catch((error: unknown) => `threw ${String(error)}`);
    if (f.kernel.calls.length < at) return assert.ok(at > 5);
    if (end !== "done")
      assert.deepEqual(f.shape(), new FakeHost().shape(), `call ${at}: ${f.kernel.calls[at - 1]}`);
    await converges(f, at);
  }
});
