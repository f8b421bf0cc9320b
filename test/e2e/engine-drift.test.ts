// What somebody does to an environment behind envctl's back is seen, and mended without touching anything else (rows F2, F4 to F7, F10, F11, F16).
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { mount, umount } from "#test/by-hand";
import { groupOf } from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { occupant, runs, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay");

const BODY =
  'volumes: ["../src:/work:ro", "../cache:/var/cache/app"]\ntmpfs: [{ target: /tmp, size: 1MiB, mode: 1777 }]\n';

function applied(t: Parameters<typeof project>[0], body = BODY): Project {
  const p = project(t);
  for (const dir of ["src", "cache", "layer"]) p.write(`${dir}/file`, dir);
  p.env("web", body);
  p.ok(["apply", "web", "-y"]);
  return p;
}

type Finding = {
  kind: string;
  address: string;
  detail: string;
  fix: string;
  path?: string;
  mount?: string;
  env: string;
};

/** Everything drift says; its exit code must fit. */
function drift(p: Project, ...args: readonly string[]): readonly Finding[] {
  const { code, stdout, stderr } = p.run(["drift", ...args, "--json"]);
  assert.ok(code === 0 || code === 2, stdout + stderr);
  const { clean, findings } = JSON.parse(stdout) as { clean: boolean; findings: Finding[] };
  assert.equal(clean, findings.length === 0);
  assert.equal(code, clean ? 0 : 2);
  return findings;
}

const kinds = (findings: readonly Finding[]): string[] =>
  findings.map(({ kind, address }) => `${kind} ${address}`);

/** Mount ids by what comes behind merged/. */
function ids(p: Project): Readonly<Record<string, string>> {
  const merged = p.place("web", "merged");
  return Object.fromEntries(mountTree(merged).map(({ id, point }) => [point.slice(merged.length), id]));
}

test(
  "F2 a second apply has nothing to do and does nothing",
  needs("root", "overlay", "cgroup:memory", "cgroup:pids"),
  (t) => {
    const p = applied(t, `${BODY}limits: { memory: 1000000, pids: 10 }\n`);
    writeFileSync(p.place("web", "merged/made"), "kept");
    const everything = (): unknown => [tree(p.place("web"), { times: true }), mountTree(p.state)];
    const before = everything();
    const { stdout, stderr } = p.ok(["apply", "web", "-y"]);
    assert.equal(stdout, "");
    assert.match(stderr, /nothing to do|No changes/i);
    p.ok(["apply", "web"]); // without a question: there is nothing to agree to
    assert.deepEqual(everything(), before);
    const { summary } = p.json<{ summary: Record<string, number> }>(["plan", "web", "--detailed-exitcode"]);
    assert.deepEqual({ ...summary, keep: 0 }, { create: 0, update: 0, replace: 0, delete: 0, keep: 0 });
  },
);

test("F4 an environment whose file is gone is an orphan", machine, (t) => {
  const p = applied(t);
  p.env("other");
  p.ok(["apply", "other", "-y"]);
  const [id, file] = [p.id("web"), join(p.dir, "envs/web.yaml")];
  rmSync(file);
  const [orphan, ...more] = drift(p);
  assert.deepEqual(more, []);
  assert.deepEqual([orphan?.kind, orphan?.env, orphan?.address], ["orphan", id, id]);
  assert.match(orphan!.detail, /web\.yaml is gone; 4 mounts/);
  assert.equal(orphan!.fix, `envctl destroy ${id}`);
  const text = p.ok(["drift"], 2).stdout;
  assert.match(text, /Belonging to no file/);
  assert.match(p.ok(["ls"]).stdout, new RegExp(id));
  assert.match(p.ok(["destroy", "--orphans", "--all", "-y"], 3).stderr, /either --all or --orphans/);
  p.ok(["destroy", "--orphans", "-y"]);
  assert.deepEqual(drift(p), []);
  assert.equal(p.mounts().length, 1, "the other environment is left alone");
  assert.ok(!existsSync(join(p.state, "envs", id)));
});

test("F4 an environment whose directory was renamed is an orphan too", machine, (t) => {
  const p = applied(t);
  const id = p.id("web");
  renameSync(join(p.dir, "envs"), join(p.dir, "elsewhere"));
  assert.deepEqual(kinds(drift(p)), [`orphan ${id}`]);
  p.ok(["destroy", id, "-y"]);
  assert.deepEqual(p.mounts(), []);
});

test(
  "a group that no record names is a leftover whose fix works, and whose processes nobody ends unasked",
  needs("root", "overlay", "cgroup:pids"),
  async (t) => {
    const p = applied(t);
    const [id, stray] = ["lint-77e0a1c4", join(groupOf(p, "web", "pids"), "../lint-77e0a1c4")];
    mkdirSync(stray);
    const inside = occupant(p, ["sleep", "1000"]);
    await until("the process runs", () => runs(inside.pid, "sleep"));
    writeFileSync(join(stray, "cgroup.procs"), `${inside.pid}`);
    const [leftover, ...more] = drift(p);
    assert.deepEqual(more, []);
    assert.deepEqual([leftover?.kind, leftover?.env], ["leftover", id]);
    assert.match(leftover!.detail, /pids.*; with processes, no record/);
    assert.equal(leftover!.fix, `envctl destroy ${id}`);
    assert.deepEqual(drift(p, id), [leftover]);
    const plan = p.ok(["plan", "--destroy", id]).stdout;
    assert.match(plan, /^ {2}- {3}cgroup\n {8}holds +processes +stopped$/m);
    for (const which of [[id], ["--all"]])
      assert.match(p.ok(["destroy", ...which], 3).stderr, /-y is required/, which.join(" "));
    assert.ok(runs(inside.pid, "sleep"), "nobody answered, nothing was ended");
    p.ok(["destroy", id, "-y"]);
    assert.ok(!existsSync(stray));
    assert.ok(!runs(inside.pid, "sleep"));
    assert.deepEqual(drift(p), []);
  },
);

test("F5 of a volume that somebody unmounted only itself is mounted again", machine, (t) => {
  const p = applied(t);
  const before = ids(p);
  umount(p.place("web", "merged/work"));
  const [missing, ...more] = drift(p);
  assert.deepEqual(more, []);
  assert.deepEqual([missing?.kind, missing?.address], ["missing", 'web.volume["/work"]']);
  const { envs } = p.json<{ envs: { actions: { address: string; op: string; because?: string }[] }[] }>([
    "plan",
    "web",
  ]);
  const changed = envs[0]!.actions.filter(({ op }) => op !== "keep");
  assert.deepEqual(
    changed.map(({ address, op, because }) => [address, op, because]),
    [['web.volume["/work"]', "create", "missing"]],
  );
  p.ok(["apply", "web", "-y"]);
  const { "/work": again, ...others } = ids(p);
  const { "/work": was, ...same } = before;
  assert.deepEqual(others, same, "the mounts of the others are the same ones");
  assert.ok(again !== undefined && was !== undefined);
  assert.match(mountOptions(p, "/work"), /^ro,nosuid,nodev/);
  assert.equal(readFileSync(p.place("web", "merged/work/file"), "utf8"), "src");
  assert.deepEqual(drift(p), []);
});

function mountOptions(p: Project, target: string): string {
  const point = p.place("web", `merged${target}`);
  return p
    .mounts()
    .find((m) => m.point === point)!
    .line.split(" root=")[1]!
    .split(" ")[1]!;
}

test(
  "F5 a limit that somebody changed is written again, and nothing is mounted",
  needs("root", "overlay", "cgroup:pids"),
  (t) => {
    const p = applied(t, `${BODY}limits: { pids: 64 }\n`);
    const before = ids(p);
    const file = join(groupOf(p, "web", "pids"), "pids.max");
    writeFileSync(file, "32");
    assert.deepEqual(kinds(drift(p)), ["changed web.limit.pids"]);
    const { envs } = p.json<{ envs: { actions: { address: string; changes?: unknown }[] }[] }>(["plan"]);
    const action = envs[0]!.actions.find(({ address }) => address === "web.limit.pids");
    assert.deepEqual(action?.changes, [{ path: "value", before: 32, after: 64 }]);
    p.ok(["apply", "web", "-y"]);
    assert.equal(readFileSync(file, "utf8"), "64\n");
    assert.deepEqual(ids(p), before);
  },
);

test("F6 an overlay mounted twice is drift, and apply makes one of it", machine, (t) => {
  const p = applied(t);
  const merged = p.place("web", "merged");
  writeFileSync(join(merged, "made"), "kept");
  const [overlay] = p.mounts();
  const { dirs } = p.json<{ dirs: { LowerDir: string[]; UpperDir: string; WorkDir: string } }>([
    "show",
    "web",
  ]);
  const again = `lowerdir=${dirs.LowerDir.join(":")},upperdir=${dirs.UpperDir},workdir=${dirs.WorkDir}`;
  mount("-t", "overlay", overlay!.source, "-o", again, merged);
  assert.ok(kinds(drift(p)).includes("stacked web.overlay"), kinds(drift(p)).join("\n"));
  p.ok(["apply", "web", "-y"]);
  assert.deepEqual(drift(p), []);
  assert.deepEqual(Object.keys(ids(p)).sort(), ["", "/tmp", "/var/cache/app", "/work"]);
  assert.equal(readFileSync(join(merged, "made"), "utf8"), "kept");
});

test(
  "F6 a volume that somebody mounted once more is drift; that mount is not ours to take away",
  machine,
  (t) => {
    const p = applied(t);
    const point = p.place("web", "merged/var/cache/app");
    const before = ids(p);
    mount("--bind", join(p.dir, "cache"), point);
    const [stacked, ...more] = drift(p);
    assert.deepEqual(more, []);
    assert.deepEqual([stacked?.kind, stacked?.address], ["stacked", 'web.volume["/var/cache/app"]']);
    assert.equal(stacked!.fix, `umount ${point}`);
    for (const command of ["apply", "destroy"]) {
      const { stderr } = p.ok([command, "web", "-y"], 5);
      assert.ok(stderr.includes(`umount ${point}`), stderr);
    }
    assert.equal(mountTree(point).length, 2);
    umount(point);
    assert.deepEqual(drift(p), []);
    assert.deepEqual(ids(p), before);
  },
);

test(
  "F7 a lazily unmounted overlay that still holds upper is reported, and upper is not mounted a second time",
  machine,
  async (t) => {
    const p = applied(t);
    const merged = p.place("web", "merged");
    const shell = occupant(p, ["sleep", "1000"], { cwd: join(merged, "etc") });
    await until("the occupant sits inside", () => runs(shell.pid, "sleep"));
    umount("-l", merged);
    assert.deepEqual(p.mounts(), []);
    const held = drift(p).find(({ kind }) => kind === "leftover");
    assert.ok(held !== undefined, kinds(drift(p)).join("\n"));
    assert.match(held.detail, new RegExp(`process ${shell.pid} \\(sleep 1000\\)`));
    assert.match(held.detail, /upper is in use/);
    assert.equal(held.fix, `kill ${shell.pid}`);

    const refused = p.run(["apply", "web", "-y"]);
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(refused.stderr, new RegExp(`${shell.pid} .*sleep 1000`));
    assert.deepEqual(p.mounts(), [], "nothing is mounted over an upper in use");
    const stopped = p.run(["destroy", "web", "-y"]);
    assert.equal(stopped.code, 5, stopped.stderr);
    assert.ok(existsSync(p.place("web", "rw/upper")), "nor is it deleted");

    await shell.end();
    p.ok(["apply", "web", "-y"]);
    assert.deepEqual(drift(p), []);
  },
);

test(
  "F7 an upper that is kept while somebody sits in the detached overlay is not mounted a second time",
  machine,
  async (t) => {
    const p = applied(t);
    writeFileSync(p.place("web", "merged/made"), "kept");
    const shell = occupant(p, ["sleep", "1000"], { cwd: p.place("web", "merged/etc") });
    await until("the occupant sits inside", () => runs(shell.pid, "sleep"));
    p.ok(["destroy", "web", "-y", "--keep-upper", "--force-lazy"]);
    const [held, ...more] = drift(p);
    assert.deepEqual([held?.kind, held?.fix, more], ["leftover", `kill ${shell.pid}`, []]);
    for (const args of [
      ["apply", "web"],
      ["destroy", "web"],
      ["destroy", "web", "--keep-upper"],
    ])
      assert.match(p.ok([...args, "-y"], 5).stderr, new RegExp(`${shell.pid} .*sleep 1000`), args.join(" "));
    assert.deepEqual(p.mounts(), []);
    await shell.end();
    assert.deepEqual(drift(p), []);
    p.ok(["apply", "web", "-y"]);
    assert.equal(readFileSync(p.place("web", "merged/made"), "utf8"), "kept");
  },
);

test("what is kept twice is known as well as before: its layers, and how much goes with it", machine, (t) => {
  const p = applied(t);
  writeFileSync(p.place("web", "merged/made"), "kept");
  for (const _ of [1, 2]) p.ok(["destroy", "web", "-y", "--keep-upper"]);
  const { dirs } = p.json<{ dirs: { LowerDir: string[] } }>(["show", "web"]);
  assert.equal(dirs.LowerDir.length, 2);
  assert.match(p.ok(["plan", "--destroy", "web"]).stdout, /upper +deleted +1 changed path, 4 B/);
  assert.match(p.ok(["destroy", "web", "-y"]).stderr, /delete +upper +1 changed path, 4 B/);
});

test("F10 destroy works when the file is gone, and needs no variables", machine, (t) => {
  const p = project(t);
  p.env(
    "web",
    'volumes: ["../${CACHE:?say where}:/var/cache/app"]\nentry: { command: [id], env: { T: "${TOKEN:?}" } }\n',
  );
  p.write("cache/file", "kept");
  p.ok(["apply", "web", "-y", "--var", "CACHE=cache", "--var", "TOKEN=x"]);
  const place = p.place("web");
  for (const command of ["drift", "ls", "show"]) p.ok([command, ...(command === "show" ? ["web"] : [])]);
  rmSync(join(p.dir, "envs"), { recursive: true });
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(p.mounts(), []);
  assert.deepEqual(p.cgroups(), []);
  assert.ok(!existsSync(place));
  assert.equal(p.read("cache/file"), "kept");
});

test("F10 destroy works when the file no longer parses, and when the rootfs is gone", machine, (t) => {
  const p = applied(t);
  p.write("envs/web.yaml", "{ this is no: [yaml");
  rmSync(join(p.dir, "rootfs"), { recursive: true });
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(p.mounts(), []);
  assert.ok(!existsSync(join(p.state, "envs/web")));
});

test("F16 a volume's source that is deleted is stale; destroy still works", machine, (t) => {
  const p = applied(t);
  rmSync(join(p.dir, "src"), { recursive: true });
  const [stale, ...more] = drift(p);
  assert.deepEqual([stale?.kind, stale?.address, more], ["stale_source", 'web.volume["/work"]', []]);
  assert.equal(stale!.fix, `put ${join(p.dir, "src")} back, then: envctl apply web`);
  const wrong = p.ok(["plan", "web"], 3).stderr;
  assert.match(wrong, /envs\/web\.yaml:\d+:\d+/);
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(p.mounts(), []);
});

test("F16 a volume's source that is replaced is stale, and mounted anew alone", machine, (t) => {
  const p = applied(t);
  const before = ids(p);
  renameSync(join(p.dir, "cache"), join(p.dir, "cache.old"));
  p.write("cache/file", "new");
  const [stale, ...more] = drift(p);
  assert.deepEqual(more, []);
  assert.deepEqual([stale?.kind, stale?.address], ["stale_source", 'web.volume["/var/cache/app"]']);
  assert.equal(readFileSync(p.place("web", "merged/var/cache/app/file"), "utf8"), "cache");
  const { envs } = p.json<{ envs: { actions: { address: string; op: string; because?: string }[] }[] }>([
    "plan",
    "web",
  ]);
  const changed = envs[0]!.actions.filter(({ op }) => op !== "keep");
  assert.deepEqual(
    changed.map(({ address, op, because }) => [address, op, because]),
    [['web.volume["/var/cache/app"]', "replace", "source_replaced"]],
  );
  p.ok(["apply", "web", "-y"]);
  assert.equal(readFileSync(p.place("web", "merged/var/cache/app/file"), "utf8"), "new");
  assert.deepEqual(drift(p), []);
  const { "/var/cache/app": _again, ...others } = ids(p);
  const { "/var/cache/app": _was, ...same } = before;
  assert.deepEqual(others, same);
  assert.equal(p.read("cache.old/file"), "cache");
});

test("F16 a file that an editor replaced under a volume is stale; destroy still works", machine, (t) => {
  const p = project(t);
  p.write("settings", "old");
  p.env("web", 'volumes: ["../settings:/etc/settings"]\n');
  p.ok(["apply", "web", "-y"]);
  p.write("settings.new", "new");
  renameSync(join(p.dir, "settings.new"), join(p.dir, "settings"));
  assert.deepEqual(kinds(drift(p)), ['stale_source web.volume["/etc/settings"]']);
  p.ok(["destroy", "web", "-y"]);
  assert.equal(p.read("settings"), "new");
});

test(
  "F16 a source whose server has forgotten it (ESTALE) is no mistake of envctl's: drift goes on, plan points at it",
  needs("root", "overlay", "program:strace"),
  (t) => {
    const p = applied(t);
    const calls = "inject=statx,stat,newfstatat:error=ESTALE";
    const before = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", join(p.dir, "src"), "-e", calls];
    p.ok(["drift", "web"], 0, { before });
    assert.match(p.ok(["plan", "web"], 3, { before }).stderr, /web\.yaml:4:12: .*kernel +ESTALE: stale/s);
  },
);

test("F17 environments that would use each other's directories are refused or ordered", machine, (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "shared"));
  p.env("one", 'volumes: ["../shared:/shared"]\n');
  p.env("two", 'volumes: ["../shared:/shared"]\n');
  p.ok(["apply", "-y"]); // the same source twice is no crossing
  const merged = p.place("one", "merged");
  p.env("three", `volumes: ["${merged}:/other"]\n`);
  const { stderr } = p.ok(["plan", "three"], 3);
  assert.match(stderr, /envs\/three\.yaml:\d+:\d+/);
});

test("F17 two files that are the same environment are refused", machine, (t) => {
  const p = applied(t);
  p.write("envs/web.yml", p.read("envs/web.yaml"));
  for (const args of [
    ["plan"],
    ["apply", "-y"],
    ["apply", "-y", "./envs"],
    ["validate", "envs/web.yml", "envs/web.yaml"],
    ["plan", "web"],
    ["apply", "web", "-y"],
  ]) {
    assert.match(
      p.ok(args, 3).stderr.replace(/\s+/g, " "),
      /web\.yaml and \S*web\.yml are the same environment/,
    );
  }
  p.ok(["plan", "envs/web.yml"]);
  // From the record.
  p.ok(["show", "web"]);
  p.ok(["destroy", "web", "-y"]);
});

test(
  "F10 what somebody wrote at the mount point while nothing was mounted there is not deleted",
  machine,
  (t) => {
    const p = applied(t);
    const merged = p.place("web", "merged");
    for (const { point } of [...mountTree(merged)].reverse()) umount(point);
    writeFileSync(join(merged, "report"), "precious");
    const said = p.ok(["destroy", "web", "-y"], 1).stderr.replace(/\s+/g, " ");
    assert.match(said, /merged is not empty report: written while the overlay was not mounted/);
    assert.equal(readFileSync(join(merged, "report"), "utf8"), "precious");
    rmSync(join(merged, "report"));
    p.ok(["destroy", "web", "-y"]);
    assert.ok(!existsSync(merged));
  },
);
