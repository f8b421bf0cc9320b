// An environment as a storage driver's layers: who wins, where writes go, what the init layer holds (rows D2 to D7, D11, D12).
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { overlayDirs } from "#test/mountinfo";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { paths, tree } from "#test/tree";

guard();

const upper = (p: Project, name = "web"): string => p.place(name, "rw/upper");

/** Layers A over B: `a` is in both, `b` and `x` only below. */
function layered(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("A/layered/a", "A's");
  p.write("B/layered/a", "B's");
  p.write("B/layered/b", "B's");
  p.write("B/layered/x", "B's");
  p.env("web", "lowers: [../A, ../B]\n");
  return p;
}

/** Everything below upper that nobody may have written. */
const lowers = (p: Project): unknown =>
  ["A", "B", "rootfs"].map((layer) => tree(join(p.dir, layer), { times: true, root: true }));

test("D2 A over B: the union is seen, and a is A's", needs("root", "overlay"), (t) => {
  const p = layered(t);
  p.ok(["apply", "-y", "web"]);
  const merged = p.place("web", "merged/layered");
  assert.deepEqual(paths(merged), ["a", "b", "x"]);
  assert.deepEqual(
    paths(merged).map((name) => readFileSync(join(merged, name), "utf8")),
    ["A's", "B's", "B's"],
  );
  assert.equal(p.ok(["run", "web", "--", "sh", "-c", "cd /layered; ls; cat a"]).stdout, "a\nb\nx\nA's");
  assert.equal(
    p.ok(["run", "--rm", "web", "--", "sh", "-c", "cd /layered; ls; cat a"]).stdout,
    "a\nb\nx\nA's",
  );
});

test("D3 writes reach upper alone, from inside and through merged", needs("root", "overlay"), (t) => {
  const p = layered(t);
  const before = lowers(p);
  p.ok(["apply", "-y", "web"]);
  const init = tree(p.place("web", "init"), { times: true });
  p.ok([
    "run",
    "web",
    "--",
    "sh",
    "-c",
    "cd /layered; echo changed >a; echo more >>b; rm x; echo new >c; mkdir d; mv d e; chmod 700 .",
  ]);
  assert.deepEqual(tree(upper(p)), {
    layered: "dir 700 0:0",
    "layered/a": tree(p.place("web", "merged/layered"))["a"],
    "layered/b": tree(p.place("web", "merged/layered"))["b"],
    "layered/c": tree(p.place("web", "merged/layered"))["c"],
    "layered/e": "dir 755 0:0",
    "layered/x": "char 0 0:0 0:0",
  });
  assert.equal(readFileSync(join(upper(p), "layered/b"), "utf8"), "B'smore\n");
  writeFileSync(p.place("web", "merged", "layered/from-outside"), "x");
  rmSync(p.place("web", "merged", "layered/b"));
  assert.ok(paths(upper(p)).includes("layered/from-outside"));
  assert.deepEqual(lowers(p), before);
  assert.deepEqual(tree(p.place("web", "init"), { times: true }), init);
});

test(
  "D3 what was written is never hidden: a used upper keeps its form, an empty one takes another",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const form = (upper: string): void => void p.env("web", `overlay: { upper: ${upper} }\n`);
    /** KiB of the tmpfs that upper lies on; 0 on disk. */
    const size = (): number =>
      Number(
        /size=(\d+)k/.exec(
          p
            .mounts()
            .find((m) => m.point === p.place("web", "rw"))
            ?.options.join() ?? "",
        )?.[1] ?? 0,
      );
    const forms = [
      ["disk", 0],
      ["{ tmpfs: 8MiB }", 8192],
      ["{ tmpfs: 16MiB }", 16384],
      ["disk", 0],
      ["none", 0],
      ["{ tmpfs: 4MiB }", 4096],
    ] as const;
    for (const [upper, kib] of forms) {
      form(upper);
      p.ok(["apply", "-y", "web"]);
      assert.equal(size(), kib, upper);
      assert.match(p.ok(["plan"]).stdout, /No changes/, upper);
    }
    p.ok(["run", "web", "--", "touch", "/written"]);
    for (const upper of ["disk", "{ tmpfs: 8MiB }"]) {
      form(upper);
      assert.match(p.ok(["apply", "-y", "web"], 1).stderr, /lies in a tmpfs/);
      p.ok(["plan"], 1);
    }
    for (const upper of ["none", "{ tmpfs: 4MiB }"]) {
      form(upper);
      p.ok(["apply", "-y", "web"]);
    }
    p.ok(["run", "web", "--", "test", "-e", "/written"]);
    p.ok(["destroy", "-y", "web"]);
    form("disk");
    p.ok(["run", "web", "--", "touch", "/written"]);
    form("{ tmpfs: 4MiB }");
    assert.match(p.ok(["apply", "-y", "web"], 1).stderr, /lies on disk/);
  },
);

test(
  "D4 a fresh upper is empty whatever is mounted, and has the rootfs root's mode and owner",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.write("data/file", "x");
    chownSync(join(p.dir, "rootfs"), 1000, 44);
    chmodSync(join(p.dir, "rootfs"), 0o751);
    // A rootfs without the directories that are mounted on.
    for (const dir of ["proc", "sys", "dev"]) rmSync(join(p.dir, "rootfs", dir), { recursive: true });
    for (const kind of ["disk", "{ tmpfs: 8MiB }"]) {
      p.env(
        "web",
        `overlay: { upper: ${kind} }\nvolumes: [../data:/made/for/it, ../data/file:/etc/conf.d/one]\ntmpfs: [{ target: /also/made }]\n`,
      );
      p.ok(["apply", "-y", "web"]);
      assert.deepEqual(tree(upper(p), { root: true }), { ".": "dir 751 1000:44" }, kind);
      assert.equal(tree(p.place("web", "merged"), { root: true })["."], "dir 751 1000:44");
      p.ok(["run", "web", "--", "cat", "/made/for/it/file", "/etc/conf.d/one", "/proc/self/comm"]);
      assert.deepEqual(paths(upper(p)), [], `${kind}, after a run`);
      p.ok(["destroy", "-y", "web"]);
    }
  },
);

test("D5 a file in /tmp shows in upper, and /tmp keeps 1777", needs("root", "overlay"), (t) => {
  const p = project(t);
  const before = tree(join(p.dir, "rootfs"), { times: true });
  p.env("web", "entry: { user: ana }\n");
  const { stdout } = p.ok([
    "run",
    "web",
    "--",
    "sh",
    "-c",
    "umask 077; echo x >/tmp/file; stat -c '%a %u' /tmp /tmp/file",
  ]);
  assert.equal(stdout, "1777 0\n600 1000\n");
  assert.deepEqual(Object.keys(tree(upper(p))), ["tmp", "tmp/file"]);
  assert.equal(tree(upper(p))["tmp"], "dir 1777 0:0");
  assert.equal(tree(p.place("web", "merged"))["tmp"], "dir 1777 0:0");
  assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true }), before);
});

test(
  "D6 show prints LowerDir with the init layer first, UpperDir, MergedDir and WorkDir",
  needs("root", "overlay"),
  (t) => {
    const p = layered(t);
    p.ok(["apply", "-y", "web"]);
    const place = p.place("web");
    const dirs = {
      LowerDir: [`${place}/init`, `${p.dir}/A`, `${p.dir}/B`, `${p.dir}/rootfs`],
      UpperDir: `${place}/rw/upper`,
      MergedDir: `${place}/merged`,
      WorkDir: `${place}/rw/work`,
    };
    assert.deepEqual(p.json(["show", "web"])["dirs"], dirs);
    const text = p.ok(["show", "web"]).stdout;
    const shown = /^ {2}LowerDir .*?(?=^ {2}Written)/ms.exec(text)?.[0].trim().split(/\s+/);
    assert.deepEqual(shown, [
      "LowerDir",
      ...dirs.LowerDir,
      "UpperDir",
      dirs.UpperDir,
      "MergedDir",
      dirs.MergedDir,
      "WorkDir",
      dirs.WorkDir,
    ]);
    // What is shown is what the kernel has.
    const kernel = overlayDirs(p.mounts()[0]!);
    const asShown = [
      ...dirs.LowerDir.map((dir) => `lowerdir+=${dir}`),
      `upperdir=${dirs.UpperDir}`,
      `workdir=${dirs.WorkDir}`,
    ];
    if (kernel !== undefined) assert.deepEqual(kernel, asShown);
    p.env("web", "overlay: { upper: none }\n");
    p.ok(["destroy", "-y", "web"]);
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(
      Object.keys(p.json(["show", "web"])["dirs"] as object),
      ["LowerDir", "MergedDir"],
      "read-only",
    );
  },
);

test(
  "D7 the init layer holds hostname, hosts, resolv.conf and mtab, over whatever the layers say",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    for (const file of ["hostname", "hosts", "mtab"]) p.write(`rootfs/etc/${file}`, "the rootfs's own\n");
    p.write("tools/etc/hosts", "a lower's own\n");
    p.env("web", "lowers: [../tools]\nentry: { hostname: inner }\n");
    p.env("net", "entry: { network: host }\n");
    p.ok(["apply", "-y"]);
    const init = p.place("web", "init/etc");
    assert.deepEqual(Object.keys(tree(p.place("web", "init"))), [
      "etc",
      "etc/hostname",
      "etc/hosts",
      "etc/mtab",
      "etc/resolv.conf",
    ]);
    assert.equal(readFileSync(join(init, "hostname"), "utf8"), "inner\n");
    assert.match(readFileSync(join(init, "hosts"), "utf8"), /^127\.0\.0\.1\tlocalhost$/m);
    assert.match(readFileSync(join(init, "hosts"), "utf8"), /\binner$/m);
    assert.equal(readlinkSync(join(init, "mtab")), "/proc/mounts");
    assert.equal(
      readFileSync(p.place("net", "init/etc/resolv.conf"), "utf8"),
      readFileSync("/etc/resolv.conf", "utf8"),
    );
    for (const kind of [["run"], ["run", "--rm"]]) {
      const seen = p.ok([
        ...kind,
        "web",
        "--",
        "sh",
        "-c",
        "cat /etc/hostname; grep -c inner /etc/hosts; cut -d' ' -f2 /etc/mtab | head -1; hostname",
      ]).stdout;
      assert.equal(seen, "inner\n1\n/\ninner\n", kind.join(" "));
    }
    assert.deepEqual(paths(upper(p)), []);
  },
);

test(
  "D7 a rootfs whose /etc and resolv.conf are links is followed inside, never onto the host",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const victim = p.write("host/victim", "the host's own\n");
    p.write("rootfs/system/etc/passwd", "root:x:0:0::/:/bin/sh\n");
    rmSync(join(p.dir, "rootfs/etc"), { recursive: true });
    symlinkSync("/system/etc", join(p.dir, "rootfs/etc"));
    symlinkSync(victim, join(p.dir, "rootfs/system/etc/resolv.conf"));
    symlinkSync(
      "../../../../../../../../../../../../../../etc/hostname",
      join(p.dir, "rootfs/system/etc/hostname"),
    );
    mkdirSync(join(p.dir, "rootfs/run"));
    const [host, etc] = [tree(join(p.dir, "host"), { times: true }), lstatSync("/etc").mtimeMs];
    p.env("web", "entry: { hostname: inner }\n");
    p.ok(["run", "web", "--", "sh", "-c", "test -f /etc/resolv.conf && test ! -L /etc/resolv.conf"]);
    assert.deepEqual(Object.keys(tree(p.place("web", "init"))), [
      "system",
      "system/etc",
      ...["hostname", "hosts", "mtab", "resolv.conf"].map((file) => `system/etc/${file}`),
    ]);
    assert.deepEqual(tree(join(p.dir, "host"), { times: true }), host);
    assert.equal(lstatSync("/etc").mtimeMs, etc);
  },
);

/** Bytes that a directory takes on its own file system; what is mounted in it does not count. */
function diskUse(dir: string, { dev } = lstatSync(dir)): number {
  const entries = readdirSync(dir).map((name) => join(dir, name));
  const own = entries.map((path) => ({ path, stat: lstatSync(path) })).filter(({ stat }) => stat.dev === dev);
  return own.reduce(
    (sum, { path, stat }) =>
      sum + 512 * stat.blocks + (stat.isDirectory() ? diskUse(path, { dev } as Stats) : 0),
    0,
  );
}

test("D11 eight environments use one rootfs of disk", needs("root", "overlay"), (t) => {
  const p = project(t);
  writeFileSync(join(p.dir, "rootfs/usr/big"), Buffer.alloc(32 << 20, "x"));
  const rootfs = diskUse(join(p.dir, "rootfs"));
  assert.ok(rootfs > 32 << 20);
  const names = Array.from({ length: 8 }, (_, i) => `env-${i}`);
  for (const name of names) p.env(name);
  p.ok(["apply", "-y"]);
  assert.equal(p.mounts().length, 8);
  for (const name of names) p.ok(["run", name, "--", "sh", "-c", "wc -c </usr/big; echo $HOSTNAME >/mine"]);
  assert.deepEqual(
    names.map((name) => readFileSync(join(upper(p, name), "mine"), "utf8").trim()),
    names,
  );
  const more = diskUse(p.state);
  assert.ok(more < rootfs / 20, `${more} bytes besides a rootfs of ${rootfs}`);
});

test("D12 the inside sees the host's kernel", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.env("web");
  for (const kind of [["run"], ["run", "--rm"]]) {
    const { stdout } = p.ok([
      ...kind,
      "web",
      "--",
      "cat",
      "/proc/sys/kernel/osrelease",
      "/proc/version",
      "/proc/sys/kernel/random/boot_id",
    ]);
    const host = ["osrelease", "random/boot_id"].map((file) =>
      readFileSync(`/proc/sys/kernel/${file}`, "utf8"),
    );
    assert.equal(stdout, `${host[0]}${readFileSync("/proc/version", "utf8")}${host[1]}`, kind.join(" "));
    assert.equal(stdout.split("\n")[0], release());
  }
});
