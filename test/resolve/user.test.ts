import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { linuxReader } from "#kernel/reader";
import { join, type AbsPath } from "#model/brand";
import type { Draft, Volume } from "#model/spec";
import { unknownUser } from "#resolve/user";
import { tempDir } from "#test/fixtures";
import { needs } from "#test/needs";

const real = needs("root", "mounts");
const reader = linuxReader({ uid: 0, pid: process.pid });

/** Two layers and an upper; only `base` has the two files, with ana and her group. */
function stack(t: TestContext): Record<"dir" | "upper" | "base", AbsPath> & { readonly layers: AbsPath[] } {
  const dir = tempDir(t) as AbsPath;
  const [tools, base, upper] = ["tools", "base", "upper"].map((name) => join(dir, name));
  for (const root of [tools!, base!]) mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(base!, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nana:x:1000:100::/:/bin/sh\n");
  writeFileSync(join(base!, "etc/group"), "users:x:100:\n");
  return { dir, upper: upper!, base: base!, layers: [tools!, base!] };
}

const spec = (
  user: string | undefined,
  targets: readonly string[] = [],
): Parameters<typeof unknownUser>[1] => ({
  volumes: targets.map((target) => ({ target }) as Volume),
  tmpfs: [],
  entry: (user === undefined ? {} : { user }) as NonNullable<Draft["entry"]>,
});

test("a name that no layer knows is pointed at, with those that they know", real, (t) => {
  const { layers, upper } = stack(t);
  for (const user of [undefined, "", "0", "7", "7:8", "ana", "ana:users", ":users", "ana:"])
    assert.deepEqual(unknownUser(reader, spec(user), layers, upper), [], String(user));
  assert.deepEqual(unknownUser(reader, spec("anna"), layers, upper), [
    {
      path: ["entry", "user"],
      severity: "error",
      code: "no_user",
      summary: 'no user "anna"',
      detail: `the rootfs's /etc/passwd has no user "anna"`,
      hint: "use a number, or one of root, ana",
    },
  ]);
  const [group] = unknownUser(reader, spec("ana:staff"), layers, upper);
  assert.equal(group?.summary, 'no group "staff"');
  const [bare] = unknownUser(reader, spec("ana"), layers.slice(0, 1), upper);
  assert.equal(bare?.detail, "the rootfs has no /etc/passwd");
});

test("somebody who was added inside is known", real, (t) => {
  const { layers, upper } = stack(t);
  mkdirSync(join(upper, "etc"), { recursive: true });
  writeFileSync(join(upper, "etc/passwd"), "bob:x:1001:1001::/:/bin/sh\n");
  assert.deepEqual(unknownUser(reader, spec("bob"), layers, upper), []);
  assert.deepEqual(unknownUser(reader, spec("bob:users"), layers, upper), []);
  assert.equal(unknownUser(reader, spec("eve"), layers, upper).length, 1);
});

test("nothing is said where only what is mounted will tell", real, (t) => {
  const { dir, layers, upper, base } = stack(t);
  for (const target of ["/etc", "/etc/passwd", "/etc/group"])
    assert.deepEqual(unknownUser(reader, spec("eve", [target]), layers, upper), [], target);
  assert.equal(unknownUser(reader, spec("eve", ["/etc/passwd.d", "/work"]), layers, upper).length, 1);
  const unpackedLater = join(dir, "layers/sha256/0");
  assert.deepEqual(unknownUser(reader, spec("eve"), [...layers, unpackedLater], upper), []);
  rmSync(join(base, "etc/passwd"));
  symlinkSync("../usr/passwd", join(base, "etc/passwd"));
  assert.deepEqual(unknownUser(reader, spec("eve"), layers, upper), []);
  rmSync(join(base, "etc"), { recursive: true });
  symlinkSync("usr/etc", join(base, "etc"));
  assert.deepEqual(unknownUser(reader, spec("eve"), layers, upper), []);
});
