// Where an ordinary user meets what is not its own: cgroups, ids, others' files, and hosts that give no namespace.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { hierarchies } from "#test/cgroup";
import { guard } from "#test/guard";
import { type Need, needs } from "#test/needs";
import { pack } from "#test/tar";
import { USER, userProject } from "#test/user";

guard();

const MACHINE: readonly Need[] = ["root", "mounts", "overlay", "userns", "program:setpriv"];
const ONE = needs(...MACHINE);
const RANGE = needs(...MACHINE, "setuid:newuidmap");

/** What a refusal says, in one line. */
const refusal = (p: ReturnType<typeof userProject>, args: readonly string[]): string =>
  p.ok(args, 125).stderr.replaceAll(/\n +/g, " ");

/** A group of the user's in each hierarchy that limits something, taken away in the end; on v2 the user's processes are started in it. */
function delegated(p: ReturnType<typeof userProject>): string {
  const name = `user-${process.pid}`;
  const made = hierarchies().filter(({ controllers }) =>
    controllers.some((c) => ["memory", "pids"].includes(c)),
  );
  for (const { point, version, controllers } of made) {
    const dir = join(point, name);
    if (version === 2)
      writeFileSync(join(point, "cgroup.subtree_control"), controllers.map((c) => `+${c}`).join(" "));
    mkdirSync(dir);
    p.after(() => rmdirSync(dir));
    for (const file of ["", "cgroup.procs", "cgroup.subtree_control", "tasks"])
      if (existsSync(join(dir, file))) chownSync(join(dir, file), USER.uid, USER.gid);
    if (version === 2) p.asRoot.push(`echo $$ > ${dir}/cgroup.procs`);
  }
  return `/${name}`;
}

test(
  "E11 E13 limits hold in groups that were delegated to the user",
  needs(...MACHINE, "cgroup:memory"),
  (t) => {
    const p = userProject(t);
    p.env("web", "limits: { memory: 32MiB, swap: 0, pids: 20 }\n");
    p.give();
    const parent = delegated(p);
    const run = ["run", "--rm", "--strict-limits", "--cgroup-parent", parent, "web", "--"];
    const { stderr } = p.ok([...run, "dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"], 137);
    assert.match(stderr, /^envctl: killed by the kernel: out of memory\n {2}limit {3}32 MiB, no swap/);
    const forks = "n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n + 1)); done; echo all";
    assert.equal(p.run([...run, "sh", "-c", forks]).stdout, "");
    assert.deepEqual(p.instances(), []);
    const left = hierarchies().map(({ point }) => join(point, parent, `envctl-${p.lineage()}`));
    assert.deepEqual(left.filter(existsSync), []);
  },
);

test("without subordinate ids entry.user is refused with the command that mends it", ONE, (t) => {
  const p = userProject(t);
  p.env("web", "entry: { user: ana, command: [id] }\n");
  p.give();
  const said = refusal(p, ["run", "--rm", "web"]);
  assert.match(
    said,
    /nobody but root can be inside: no subordinate ids .* 1000:1000 .*usermod --add-subuids/,
  );
  assert.deepEqual(p.instances(), []);
});

test("with subordinate ids entry.user is one of them, groups and all", RANGE, (t) => {
  const p = userProject(t, "range");
  p.env("web", 'volumes: ["../out:/out"]\nentry: { user: ana, command: "id; echo x > /out/file" }\n');
  p.write("out/here", "");
  chmodSync(join(p.dir, "out"), 0o777);
  p.give();
  assert.equal(p.ok(["run", "--rm", "web"]).stdout, "uid=1000(ana) gid=1000(ana) groups=44(video)\n");
  assert.equal(lstatSync(join(p.dir, "out/file")).uid, USER.first + 999);
  p.env("web", "entry: { user: 70000, command: [id] }\n");
  assert.match(p.ok(["run", "--rm", "web"], 125).stderr, /70000:0 is beyond the 65536 subordinate ids/);
});

test("what others own is read as far as anybody may, and their set-user-ID programs do nothing", ONE, (t) => {
  const p = userProject(t);
  const secret = p.write("rootfs/root/secret", "secret\n", 0o600);
  const open = p.write("rootfs/etc/open", "open\n", 0o644);
  p.env("web");
  p.give();
  for (const file of [secret, open, join(p.dir, "rootfs/bin/busybox")]) chownSync(file, 0, 0);
  chmodSync(join(p.dir, "rootfs/bin/busybox"), 0o6755);
  const script =
    "{ cat /etc/open; cat /root/secret; id -u; grep ^Uid /proc/self/status; chown 0:0 /etc/open; echo $?; } 2>&1";
  const { stdout } = p.ok(["run", "--rm", "web", "--", "sh", "-c", script]);
  assert.match(stdout, /^open\n.*[Pp]ermission denied\n0\nUid:\t0\t0\t0\t0\n/s);
});

test("hostile symlinks in a rootfs lead nowhere, as an ordinary user", ONE, (t) => {
  const p = userProject(t);
  const mark = p.write("outside/file", "mine\n");
  p.env("web", 'volumes: ["../src:/data/work"]\n');
  p.write("src/here", "");
  symlinkSync(join(p.dir, "outside"), join(p.dir, "rootfs/data"));
  p.give();
  p.ok(["run", "--rm", "web", "--", "sh", "-c", "echo x > /data/work/new"]);
  assert.ok(existsSync(join(p.dir, "src/new")) && !existsSync(join(p.dir, "outside/work")));
  rmdirSync(join(p.dir, "rootfs/proc"));
  symlinkSync(join(p.dir, "outside"), join(p.dir, "rootfs/proc"));
  assert.match(p.ok(["run", "--rm", "web", "--", "true"], 125).stderr, /\/proc is no directory/);
  assert.equal(existsSync(mark), true);
  assert.deepEqual(p.instances(), []);
});

test("a state directory of somebody else's is refused", ONE, (t) => {
  const p = userProject(t);
  p.env("web");
  p.give();
  mkdirSync(p.state, { mode: 0o755 });
  const said = refusal(p, ["run", "--rm", "web", "--", "true"]);
  assert.match(
    said,
    /cannot be used as the state directory it belongs to somebody else name a directory of your own/,
  );
});

test("what root keeps to itself is not looked at: the command says so", ONE, (t) => {
  const p = userProject(t);
  p.env("web");
  p.give();
  mkdirSync(p.state, { mode: 0o700 });
  for (const command of ["plan", "ls", "drift"])
    assert.match(
      p.ok([command], 1).stderr.replace(/\s+/g, " "),
      /it is root's alone to read repeat the command with sudo/,
    );
});

test("a relative XDG_STATE_HOME and an empty ENVCTL_STATE_DIR are as good as none", ONE, (t) => {
  const p = userProject(t);
  p.env("web");
  mkdirSync(join(p.dir, "home"));
  p.give();
  const env = { ENVCTL_STATE_DIR: "", XDG_STATE_HOME: "here", HOME: join(p.dir, "home") };
  p.ok(["run", "--rm", "web", "--", "true"], 0, { env });
  assert.deepEqual(
    [p.exists("here"), p.exists("envs/lineage"), p.exists("home/.local/state/envctl/lineage")],
    [false, false, true],
  );
});

test("detached and applied runs are refused in one sentence that says what works", ONE, (t) => {
  const p = userProject(t);
  p.env("web", "entry: { command: [true] }\n");
  p.give();
  for (const line of ["run -d --rm web", "run web", "stop web"])
    assert.match(
      p.ok(line.split(" "), line === "stop web" ? 1 : 125).stderr,
      /^envctl: .* needs root: .*\n.*run --rm/s,
    );
  assert.ok(!existsSync(p.state));
});

test("variables of ours reach no entry, and those of the caller's all do", ONE, (t) => {
  const p = userProject(t);
  p.env("web", "entry: { env: { LD_PRELOAD: , NODE_OPTIONS: }, command: [env] }\n");
  p.give();
  const { stdout } = p.ok(["run", "--rm", "web"], 0, { env: { NODE_OPTIONS: "--no-warnings" } });
  assert.match(stdout, /^NODE_OPTIONS=--no-warnings$/m);
  assert.doesNotMatch(stdout, /ENVCTL/i);
  // Planted: who says so is believed by nobody.
  const planted = p.ok(["run", "--rm", "web"], 125, { env: { _ENVCTL_NAMESPACE: "inside" } });
  assert.match(planted.stderr, /^envctl: run --rm as an ordinary user needs a user namespace/);
});

test(
  "a host that gives no user namespace is told of in a sentence, with the command that mends it",
  ONE,
  (t) => {
    const p = userProject(t);
    p.env("web", "entry: { command: [true] }\n");
    p.give();
    // From a chroot the kernel gives none (user_namespaces(7)).
    p.asRoot.push('mkdir "$0/root"; mount --rbind / "$0/root"');
    p.last = 'exec chroot "$0/root" "$@"';
    const run = ["-C", p.dir, "run", "--rm", "web"];
    const said = refusal(p, run);
    assert.match(said, /^envctl: run --rm as an ordinary user needs a user namespace /);
    assert.match(said, /unshare failed: Operation not permitted /);
    p.asRoot.splice(
      1,
      0,
      'echo 0 > "$0/max"; mount --bind "$0/max" /proc/sys/user/max_user_namespaces; rmdir "$0/root"',
    );
    assert.match(
      refusal(p, run),
      /max_user_namespaces is 0.* sysctl user\.max_user_namespaces=10000; or .* sudo/,
    );
    assert.ok(!existsSync(p.state));
  },
);

test(
  "a root filesystem of root's can be run, with volumes where it has nothing, by an ordinary user",
  ONE,
  (t) => {
    const p = userProject(t);
    p.write("src/file", "text\n");
    p.write("rootfs/etc/hostname", "other\n");
    p.env("web", 'volumes: ["../src:/mnt/deep/er"]\nentry: { hostname: named }\n');
    p.give();
    spawnSync("chown", ["-R", "0:0", join(p.dir, "rootfs")]);
    const script =
      "cat /etc/hostname /mnt/deep/er/file; echo x > /etc/new; mkdir /top; ls /etc; touch /var/x 2>/dev/null || echo no";
    const { stdout } = p.ok(["run", "--rm", "web", "--", "sh", "-c", script]);
    assert.equal(stdout, "named\ntext\ngroup\nhostname\nhosts\nmtab\nnew\npasswd\nresolv.conf\nno\n");
    assert.equal(p.read("rootfs/etc/hostname"), "other\n");
  },
);

test("what only root can have of overlayfs, or can take away again, is refused with its place", ONE, (t) => {
  const p = userProject(t);
  p.env("web", "overlay: { options: { redirect_dir: on } }\n");
  p.give();
  assert.match(
    refusal(p, ["run", "--rm", "web", "--", "true"]),
    /web\.yaml:4:\d+: redirect_dir=on needs root/,
  );
  assert.match(refusal(p, ["run", "--rm", "--keep-on-failure", "web"]), /--keep-on-failure needs root/);
  // A file system without them that an ordinary user may write to: ramfs.
  p.env("web");
  p.asRoot.push(
    `mkdir -p ${p.state}; mount -t ramfs -o mode=777 none ${p.state}; chown ${USER.uid} ${p.state}`,
  );
  assert.match(refusal(p, ["run", "--rm", "web", "--", "true"]), /extended attributes|cannot hold an upper/);
});

test("a volume over other mounts has to be recursive, as an ordinary user", ONE, (t) => {
  const p = userProject(t);
  for (const file of ["src/file", "src/below/hidden"]) p.write(file, "text\n");
  const volume = "source: ../src, target: /work";
  p.env("web", `volumes: [{ ${volume} }]\n`);
  p.give();
  p.asRoot.push(`mount -t tmpfs none ${join(p.dir, "src/below")}; touch ${join(p.dir, "src/below/seen")}`);
  const ls = ["run", "--rm", "web", "--", "ls", "/work/below"];
  assert.match(refusal(p, ls), /cannot mount web\.volume\["\/work"\].*recursive: true/);
  p.env("web", `volumes: [{ ${volume}, recursive: true }]\n`);
  assert.equal(p.ok(ls).stdout, "seen\n");
});

for (const [ids, whose, needed] of [
  ["single", "all of it the user's without subordinate ids", ONE],
  ["range", "with its owners where there are subordinate ids", RANGE],
] as const) {
  test(`A2 an archive is unpacked as an ordinary user, ${whose}`, needed, (t) => {
    const p = userProject(t, ids);
    chownSync(p.write("rootfs/var/ana", "hers\n"), 1000, 44);
    spawnSync("mknod", [join(p.dir, "rootfs/dev/console"), "c", "5", "1"]);
    pack(p, "base.tar");
    p.env("web", "rootfs: ../images/base.tar\n");
    spawnSync("chown", ["-R", `${USER.uid}`, join(p.dir, "images"), join(p.dir, "envs")]);
    const { stdout } = p.ok([
      "run",
      "--rm",
      "web",
      "--",
      "sh",
      "-c",
      "stat -c %u:%g /var/ana; echo x > /var/ana",
    ]);
    assert.equal(stdout, ids === "single" ? "0:0\n" : "1000:44\n");
    const stored = readdirSync(join(p.state, "layers/sha256")).map((d) => join(p.state, "layers/sha256", d));
    assert.deepEqual(
      stored.map((dir) => existsSync(join(dir, "dev/console"))),
      [false],
    );
    const owner = lstatSync(join(stored[0]!, "var/ana")).uid;
    assert.equal(owner, ids === "single" ? USER.uid : USER.first + 999);
  });
}

test(
  "where parts of /proc are masked, as in containers, a sentence says that no entry can have one",
  ONE,
  (t) => {
    const p = userProject(t);
    p.env("web");
    p.give();
    p.asRoot.push("mount -t tmpfs none /proc/irq");
    const said = refusal(p, ["run", "--rm", "web", "--", "true"]);
    assert.match(
      said,
      /^envctl: proc could not be mounted in the new pid namespace .*masks parts of \/proc.*--privileged\n$/,
    );
    assert.deepEqual(p.instances(), []);
  },
);

/** Without the state directory that a test has for itself. */
const bare = (...variables: readonly string[]): readonly string[] => [
  "env",
  ...["ENVCTL_STATE_DIR", "XDG_STATE_HOME", "HOME"].flatMap((name) => ["-u", name]),
  ...variables,
];

test("where nothing says what is home, a sentence says what to set", ONE, (t) => {
  const p = userProject(t);
  p.env("web", "entry: { command: [true] }\n");
  p.give();
  for (const variables of [[], ["HOME="], ["HOME=here"], ["HOME=/nonexistent"], ["XDG_STATE_HOME=here"]]) {
    const before = bare(...variables);
    const { stderr } = p.ok(["run", "--rm", "web"], 125, { before });
    assert.match(
      stderr.replaceAll(/\n +/g, " "),
      /^envctl: the state directory (\/nonexistent)?\/\.local\/state\/envctl cannot be made call +mkdirat.* fix +set HOME or XDG_STATE_HOME/,
      variables.join(),
    );
    p.ok(["plan", "web"], 0, { before });
  }
  p.ok(["run", "--rm", "web"], 0, { before: bare(`HOME=${p.dir}`) });
  assert.ok(existsSync(join(p.dir, ".local/state/envctl/lineage")));
  assert.ok(!p.exists("here"));
});

for (const flags of ["-r", "-rm"]) {
  test(`root of somebody else's user namespace is an ordinary user (unshare ${flags})`, ONE, (t) => {
    const p = userProject(t);
    p.env("web", "entry: { command: [sh, -c, 'id -u; ls -d /etc'] }\n");
    p.give();
    const options = { before: [...bare(`HOME=${p.dir}`), "unshare", flags] };
    for (const args of [["apply", "-y"], ["destroy", "-y"], ["run"], ["run", "-d"], ["stop"]])
      assert.match(
        p.ok([...args, "web"], args[0] === "run" ? 125 : 1, options).stderr.replaceAll(/\n +/g, " "),
        /^envctl: .* needs the host's root: .* as root of the host\. .* envctl run --rm ENV\.$/m,
      );
    assert.ok(!p.exists(".local"), "nothing was made");
    assert.equal(p.ok(["run", "--rm", "web"], 0, options).stdout, "0\n/etc\n");
    assert.match(p.ok(["ls"], 0, options).stdout, /^No environments here/);
    assert.deepEqual(readdirSync(join(p.dir, ".local/state/envctl/envs")), []);
  });
}
