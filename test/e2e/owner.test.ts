// owner: caller: what the inside makes in a volume belongs to whoever called envctl, where the file system can do it.
import assert from "node:assert/strict";
import { chownSync, lstatSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { userProject } from "#test/user";

guard();

const REAL = needs("root", "mounts", "overlay");
const SUDO = { SUDO_UID: "54321", SUDO_GID: "54322" };
const ids = (p: Project, file: string): readonly number[] => {
  const { uid, gid } = lstatSync(join(p.dir, file));
  return [uid, gid];
};

function sources(p: Project, more = ""): void {
  for (const file of ["src/mine", "src/roots"]) p.write(file, `${file}\n`);
  for (const path of ["src", "src/mine"]) chownSync(join(p.dir, path), 54321, 54322);
  p.env("web", `volumes: [{ source: ../src, target: /work, owner: caller }]\n${more}`);
}

const SCRIPT =
  "cd /work; echo x > made; mkdir dir; echo more >> mine; stat -c %u:%g mine made . roots; cat roots";

for (const [how, flags] of [
  ["in the applied environment", []],
  ["in a throwaway one", ["--rm"]],
] as const) {
  test(`owner: caller through sudo: the inside's files are the caller's, ${how}`, REAL, (t) => {
    const p = project(t);
    sources(p);
    const env = SUDO;
    if (flags.length === 0) {
      p.ok(["apply", "-y"], 0, { env });
      assert.match(p.mounts().find(({ point }) => point.endsWith("/work"))!.line, /idmapped/);
      p.ok(["plan", "--detailed-exitcode"], 0, { env });
      p.ok(["drift"]);
    }
    const { stdout } = p.ok(["run", ...flags, "web", "--", "sh", "-ec", SCRIPT], 0, { env });
    assert.equal(stdout, "0:0\n0:0\n0:0\n65534:65534\nsrc/roots\n");
    for (const file of ["src/made", "src/dir", "src/mine"])
      assert.deepEqual(ids(p, file), [54321, 54322], file);
    assert.deepEqual(ids(p, "src/roots"), [0, 0]);
    assert.equal(p.read("src/mine"), "src/mine\nmore\n");
  });
}

test("owner: caller with an entry of numbers; another caller's plan says what changes", REAL, (t) => {
  const p = project(t);
  sources(p, 'entry: { user: "1000:1000", command: [true] }\n');
  p.ok(["run", "web", "--", "sh", "-c", "touch /work/made; stat -c %u:%g /work/made"], 0, { env: SUDO });
  assert.deepEqual(ids(p, "src/made"), [54321, 54322]);
  const plan = p.ok(["plan"], 0, { env: { SUDO_UID: "54400", SUDO_GID: "54400" } }).stdout;
  assert.match(plan, /owner +54321:54322, inside 1000:1000 → 54400:54400, inside 1000:1000/);
});

test("owner: caller without sudo is root, who is it already", REAL, (t) => {
  const p = project(t);
  sources(p);
  p.ok(["apply", "-y"], 0, { env: { SUDO_UID: "" } });
  assert.doesNotMatch(p.mounts().find(({ point }) => point.endsWith("/work"))!.line, /idmapped/);
});

test("owner: caller is refused with its place where it cannot be", REAL, (t) => {
  const p = project(t);
  sources(p, "entry: { user: ana }\n");
  const { stderr } = p.ok(["plan"], 3, { env: SUDO });
  assert.match(stderr, /web\.yaml:4:\d+: owner: caller wants entry\.user as numbers/);
  p.env("web", "volumes: [{ source: /sys/kernel, target: /work, access: ro, owner: caller }]\n");
  const where = p.ok(["plan"], 3, { env: SUDO }).stderr.replaceAll(/\n +/g, " ");
  assert.match(
    where,
    /web\.yaml:4:\d+: owner: caller needs a file system that can be id-mapped .*lies on sysfs/,
  );
});

test(
  "owner: caller is nothing to do as an ordinary user",
  needs("root", "mounts", "overlay", "userns"),
  (t) => {
    const p = userProject(t);
    sources(p);
    p.give();
    p.ok(["run", "--rm", "web", "--", "sh", "-c", "touch /work/made"]);
    assert.deepEqual(ids(p, "src/made"), [54321, 54322]);
    p.env(
      "web",
      'volumes: [{ source: ../src, target: /work, owner: caller }]\nentry: { user: "1000:1000" }\n',
    );
    assert.match(
      p.ok(["run", "--rm", "web", "--", "true"], 125).stderr,
      /web\.yaml:4:\d+: without root the caller is root inside/,
    );
  },
);
