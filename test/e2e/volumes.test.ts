// Volumes: in what order they come and go, what of the host they make, what stays of them (rows E20 to E23, E27).
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { tree } from "#test/tree";

guard();

const REAL = needs("root", "overlay");
const TRACED = needs("root", "overlay", "program:strace");

/** Where everything mounted for an environment lies, as the inside sees it, each with what it is mounted on. */
function stacked(p: Project, name: string): readonly (readonly [point: string, on: string])[] {
  const merged = p.place(name, "merged");
  const mounts = mountTree(merged);
  const inside = (point: string): string => point.slice(merged.length) || "/";
  return mounts.map(({ point, parent }) => [
    inside(point),
    inside(mounts.find((m) => m.id === parent)?.point ?? merged),
  ]);
}

test(
  "E20 E21 volumes hang in the overlay, parents before children; destroy takes them in reverse",
  TRACED,
  (t) => {
    const p = project(t);
    for (const dir of ["a", "b", "c"]) p.write(`${dir}/here`, dir);
    p.env(
      "web",
      "volumes: [../a:/data/sub/deep, ../b:/data, ../c:/data/sub, ../a:/data-x, ../b:/A]\ntmpfs: [{ target: /data/sub/deep/t, size: 1MiB }]\n",
    );
    p.ok(["apply", "-y", "web"]);
    const [overlay, ...volumes] = stacked(p, "web");
    assert.deepEqual(overlay, ["/", "/"]);
    assert.deepEqual(
      new Map(volumes),
      new Map([
        ["/A", "/"],
        ["/data", "/"],
        ["/data-x", "/"],
        ["/data/sub", "/data"],
        ["/data/sub/deep", "/data/sub"],
        ["/data/sub/deep/t", "/data/sub/deep"],
      ]),
    );
    const made = volumes.map(([point]) => point);
    const [log, id] = [join(p.dir, "log"), p.id("web")];
    p.ok(["destroy", "-y", "web"], 0, { before: ["strace", "-y", "-o", log, "-e", "trace=umount2"] });
    const gone = readFileSync(log, "utf8").matchAll(
      /umount2\("\/proc\/self\/fd\/\d+(?:<[^>]*>)?\/([^"]+)", UMOUNT_NOFOLLOW\) = 0/g,
    );
    assert.deepEqual(
      [...gone].map(([, last]) => last!).filter((last) => last !== id), // its directory's, where mounts are shared
      [...made.map((point) => point.split("/").at(-1)).reverse(), "merged"],
    );
    assert.deepEqual(p.mounts(), []);
  },
);

test(
  "E21 a volume put over another's parent later makes that one anew; each change touches what it must",
  REAL,
  (t) => {
    const p = project(t);
    for (const dir of ["a", "b", "c"]) p.write(`${dir}/here`, dir);
    mkdirSync(join(p.dir, "b/sub"));
    p.env("web", "volumes: [../a:/data/sub, ../c:/other]\n");
    p.ok(["apply", "-y", "web"]);
    const before = mountTree(p.state);
    p.env("web", "volumes: [../a:/data/sub, ../c:/other, ../b:/data]\n");
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(
      new Map(stacked(p, "web").slice(1)),
      new Map([
        ["/other", "/"],
        ["/data", "/"],
        ["/data/sub", "/data"],
      ]),
    );
    const other = (mounts: typeof before): unknown => mounts.find(({ point }) => point.endsWith("/other"));
    assert.deepEqual(other(mountTree(p.state)), other(before));
    assert.equal(p.ok(["run", "web", "--", "cat", "/data/here", "/data/sub/here"]).stdout, "ba");
    p.env("web", "volumes: [../c:/other]\n");
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(stacked(p, "web").slice(1), [["/other", "/"]]);
    p.ok(["drift", "web"]);
  },
);

test(
  "E22 a missing rw directory: the plan says so, apply makes it 0755 with its parent's owner",
  REAL,
  (t) => {
    const p = project(t);
    p.write("theirs/here", "");
    chownSync(join(p.dir, "theirs"), 1234, 4321);
    chmodSync(join(p.dir, "theirs"), 0o2770);
    p.env("web", "volumes: [../theirs/new/deep:/cache, ../mine:/mine]\n");
    const plan = p.ok(["plan", "web"]).stdout;
    assert.match(plan, /^ +creates +\S*theirs\/new\s+0755, owner 1234:4321\n +\S*theirs\/new\/deep$/m);
    assert.match(plan, /^ +creates +\S*mine +0755, owner 0:0$/m);
    assert.equal(p.exists("theirs/new") || p.exists("mine"), false, "plan makes nothing");
    const before = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
    p.ok(["apply", "-y", "web"], 0, { before });
    for (const [path, uid, gid] of [
      ["theirs/new", 1234, 4321],
      ["theirs/new/deep", 1234, 4321],
      ["mine", 0, 0],
    ] as const) {
      const stat = statSync(join(p.dir, path));
      assert.deepEqual([stat.mode & 0o7777, stat.uid, stat.gid], [0o755, uid, gid], path);
    }
    p.ok(["plan", "--detailed-exitcode", "web"]);
    p.ok(["destroy", "-y", "web"]);
    assert.ok(p.exists("theirs/new/deep") && p.exists("mine"), "destroy leaves what lies outside its state");
  },
);

test("E22 a failed apply takes the directories it made away again, and no others", TRACED, (t) => {
  const p = project(t);
  mkdirSync(join(p.dir, "there"));
  p.env("web", "volumes: [../there/new/deep:/cache, ../gone:/gone]\nlimits: { pids: 9 }\n");
  const before = ["strace", "-f", "-o", join(p.dir, "log"), "-e", "inject=move_mount:error=EPERM:when=3"];
  assert.notEqual(p.run(["apply", "-y", "web"], { before }).code, 0);
  assert.match(readFileSync(join(p.dir, "log"), "utf8"), /INJECTED/);
  assert.deepEqual(readdirSync(join(p.dir, "there")), []);
  assert.equal(p.exists("gone"), false);
  assert.deepEqual(p.mounts(), []);
  p.ok(["run", "--rm", "web", "--", "true"]);
  assert.ok(p.exists("there/new/deep"), "a throwaway run makes them too");
});

test(
  "E22 a missing rw directory that somebody makes while a command looks for it is taken as it is",
  TRACED,
  async (t) => {
    const p = project(t);
    p.env("web", "volumes: [../shared:/srv]\n");
    const [shared, log] = [join(p.dir, "shared"), join(p.dir, "log")];
    const child = p.start(["run", "--rm", "web", "--", "ls", "/srv"], {
      before: [
        "strace",
        "-o",
        log,
        "-P",
        shared,
        "-e",
        "trace=statx",
        "-e",
        "inject=statx:signal=STOP:when=1",
      ],
    });
    const said: Buffer[] = [];
    for (const stream of [child.stdout!, child.stderr!])
      stream.on("data", (data: Buffer) => void said.push(data));
    const ended = once(child, "close");
    await until(
      "it stands still",
      () => existsSync(log) && readFileSync(log, "utf8").includes("stopped by SIGSTOP"),
    );
    assert.match(readFileSync(log, "utf8"), /ENOENT/);
    p.write("shared/here", "");
    process.kill(Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")), "SIGCONT");
    const [code] = (await ended) as [number | null];
    assert.deepEqual([code, Buffer.concat(said).toString()], [0, "here\n"]);
  },
);

test("E22 a missing ro source is an error that suggests the near path", REAL, (t) => {
  const p = project(t);
  p.write("source-code/here", "");
  p.write("data/config.json", "{}");
  symlinkSync("nowhere", join(p.dir, "dangling"));
  p.env(
    "web",
    "volumes:\n  - ../sourcecode:/work:ro\n  - ../data/confg.json:/c:ro\n  - ../zzz:/z:ro\n  - ../dangling:/d\n  - ../data/config.json/x:/e\n",
  );
  const { stderr } = p.ok(["plan", "web"], 3);
  assert.match(
    stderr,
    /^envs\/web\.yaml:5:5: no such file or directory\n.*\n +\| +\^{13} did you mean "\.\.\/source-code"\?$/m,
  );
  assert.match(stderr, /^envs\/web\.yaml:6:5: .*\n.*\n +\| +\^+ did you mean "\.\.\/data\/config\.json"\?$/m);
  assert.match(stderr, /^envs\/web\.yaml:7:5: .*\n.*\n +\| +\^+ looked at \S*\/zzz$/m);
  assert.match(stderr, /^envs\/web\.yaml:8:5: a dangling symlink\n/m);
  assert.match(stderr, /^envs\/web\.yaml:9:5: cannot be created\n/m);
  p.ok(["apply", "-y", "web"], 3);
  p.ok(["run", "--rm", "web", "--", "true"], 125);
  assert.equal(p.exists("zzz"), false);
});

test("E23 volume data survives destroy, and another environment on the same volume", REAL, (t) => {
  const p = project(t);
  p.write("shared/old", "old");
  chmodSync(join(p.dir, "shared"), 0o711);
  for (const name of ["one", "two"]) p.env(name, "volumes: [../shared:/data]\n");
  p.ok([
    "run",
    "one",
    "--",
    "sh",
    "-c",
    "echo new > /data/new; mkdir /data/dir; echo x > /data/dir/x; rm /data/old",
  ]);
  p.ok(["apply", "-y", "two"]);
  const written = tree(join(p.dir, "shared"), { times: true, root: true });
  p.ok(["destroy", "-y", "one"]);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true, root: true }), written);
  assert.equal(p.ok(["run", "two", "--", "cat", "/data/new", "/data/dir/x"]).stdout, "new\nx\n");
  p.ok(["run", "--rm", "two", "--", "true"]);
  p.ok(["destroy", "-y", "two"]);
  assert.deepEqual(tree(join(p.dir, "shared"), { times: true, root: true }), written);
  assert.match(written["."]!, /^dir 711 /);
});

test("E27 what is no volume is refused, with the place and what to write", REAL, (t) => {
  const p = project(t);
  p.write("a/here", "");
  for (const [text, column] of [
    ["../a", 11],
    ["../a:", 11],
    [":/b", 11],
    ["../a:/b:", 11],
    ["../a:b", 16],
    ["../a:/b:rx", 19],
    ["../a:/", 16],
  ] as const) {
    p.env("web", `volumes: ["${text}"]\n`);
    const { stderr } = p.ok(["validate", "web"], 3);
    const [, line, at] = /^envs\/web\.yaml:(\d+):(\d+): /.exec(stderr)!;
    assert.equal(line, "4");
    assert.ok(Number(at) >= column && Number(at) <= column + 9, `${text}: ${stderr}`);
    assert.match(stderr, /^1 error in 1 file\. Nothing was changed\.$/m);
  }
  assert.equal(existsSync(p.state), false);
});
