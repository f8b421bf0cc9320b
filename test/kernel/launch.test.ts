import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import test, { type TestContext } from "node:test";
import { join } from "#model/brand";
import { needs, onPath } from "#test/needs";
import { linuxMounts } from "#kernel/mounts";
import { mountsBelow, scratch } from "./fixture.ts";
import {
  ALONE,
  assertUnchanged,
  inside,
  launch,
  launchAll,
  launchOf,
  prepareDir,
  processWith,
  programFor,
  type Job,
} from "./launch-fixture.ts";

const real = needs("root", "mounts", "overlay", "program:busybox", "program:setpriv");
const perl = needs("root", "mounts", "overlay", "program:busybox", "program:setpriv", "program:perl");
const straced = needs("root", "mounts", "overlay", "program:busybox", "program:setpriv", "program:strace");

function job(t: TestContext): Omit<Job, "command"> {
  return { dir: prepareDir(scratch(t)) };
}

/** Lines `KEY VALUE`. */
function fields(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split("\n")
      .map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1)]),
  );
}

test("uts, pid, mnt, net, ipc and cgroup namespaces are the entry's own (B5)", real, (t) => {
  const kinds = ["uts", "pid", "mnt", "net", "ipc", "cgroup"] as const;
  const seen = fields(
    inside(
      job(t),
      `for k in ${kinds.join(" ")}; do echo $k $(readlink /proc/self/ns/$k); done; echo host $(hostname)`,
    ),
  );
  for (const kind of kinds) {
    assert.match(seen[kind]!, /^\w+:\[\d+\]$/);
    assert.notEqual(seen[kind], readlinkSync(`/proc/self/ns/${kind}`), kind);
  }
  assert.equal(seen["host"], "inside");
});

test("with the host's network only that namespace is shared", real, (t) => {
  const seen = inside({ ...job(t), network: "host" }, "readlink /proc/self/ns/net; ls /sys/class/net");
  const [net, ...interfaces] = seen.trimEnd().split("\n");
  assert.equal(net, readlinkSync("/proc/self/ns/net"));
  assert.ok(interfaces.includes("lo"));
});

test("without a network the loopback interface is up", real, (t) => {
  const seen = inside(
    job(t),
    "cat /sys/class/net/lo/flags; grep -c 127.0.0.1 /proc/net/fib_trie; ls /sys/class/net",
  );
  const [flags, addresses, ...interfaces] = seen.trimEnd().split("\n");
  assert.equal(Number(flags) & 1, 1);
  assert.ok(Number(addresses) > 0);
  assert.ok(interfaces.includes("lo") && !interfaces.includes("eth0"), `interfaces: ${interfaces.join()}`);
});

for (const pidns of [undefined, false] as const) {
  const how = pidns === undefined ? "from outside" : "by the child, as before Linux 6.17";
  test(`the entry is PID 1; proc is mounted ${how}, nosuid, nodev, noexec (B6)`, real, (t) => {
    const seen = inside(
      { ...job(t), ...(pidns === undefined ? {} : { pidns }) },
      'echo $$; ls -d /proc/[0-9]*; grep " /proc " /proc/mounts',
    );
    const [pid, ...rest] = seen.trimEnd().split("\n");
    assert.equal(pid, "1");
    assert.match(seen, /^proc \/proc proc rw,nosuid,nodev,noexec/m);
    // The shell and its ls: nobody of the host.
    assert.deepEqual(
      rest.filter((line) => line.startsWith("/proc/")),
      ["/proc/1", "/proc/2"].slice(0, rest.length - 1),
    );
  });
}

for (const pidns of [undefined, false] as const) {
  const how = pidns === undefined ? "from its parent" : "put on by itself, where it has to mount proc before";
  test(`the entry has a filter of system calls, ${how} (B8)`, perl, (t) => {
    const seen = inside({ ...job(t), ...(pidns === undefined ? {} : { pidns }) }, "cat /proc/1/status");
    assert.match(seen, /^Seccomp:\t2$/m);
    assert.match(seen, /^Seccomp_filters:\t1$/m);
  });
}

test("machine-wide settings below /proc and all of /sys are read-only", real, (t) => {
  const seen = inside(
    job(t),
    "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/uevent_seqnum; do (: >>$f) 2>/dev/null && echo writable $f; done; true",
  );
  assert.equal(seen, "");
});

test("the old root cannot be reached: not by a path, a descriptor or /proc (B8)", real, (t) => {
  const { dir } = job(t);
  const seen = inside(
    { dir },
    `ls /.pivot_root ${dir} 2>&1; ls -l /proc/1/root /proc/1/cwd /proc/1/exe | sed 's/.*-> //'; cut -d' ' -f2 /proc/mounts`,
  );
  const points = seen
    .trimEnd()
    .split("\n")
    .filter((line) => line.startsWith("/") && !line.includes(" "));
  assert.deepEqual(points.slice(0, 3), ["/", "/bin/busybox", "/"]);
  assert.deepEqual(
    points.slice(3).filter((point) => !/^\/($|proc|dev|sys)/.test(point)),
    [],
  );
  assert.equal(points.filter((point) => point === "/").length, 3, "one mount at /");
});

test("devices are those every program expects, and cannot be changed from inside", real, (t) => {
  const seen = inside(
    job(t),
    `for n in null zero full random urandom tty; do stat -c '%n %F %t:%T' /dev/$n; done
     for n in fd stdin stdout stderr ptmx; do echo $n $(readlink /dev/$n); done
     head -c 4 /dev/zero | wc -c; echo x >/dev/null && echo written
     chmod 600 /dev/null 2>/dev/null && echo changed
     stat -c '%n %a' /dev /dev/shm /dev/pts/ptmx; touch /dev/shm/a && echo shm
     for p in /dev /dev/pts /dev/shm; do grep " $p " /proc/mounts | cut -d' ' -f2-4; done`,
  );
  for (const line of [
    "/dev/null character special file 1:3",
    "/dev/full character special file 1:7",
    "/dev/tty character special file 5:0",
  ])
    assert.match(seen, new RegExp(line));
  for (const line of [
    "fd /proc/self/fd",
    "ptmx pts/ptmx",
    "4",
    "written",
    "/dev 755",
    "/dev/shm 1777",
    "/dev/pts/ptmx 666",
    "shm",
  ])
    assert.match(seen, new RegExp(`^${line}$`, "m"));
  for (const line of [
    "/dev tmpfs rw,nosuid",
    "/dev/pts devpts rw,nosuid,noexec",
    "/dev/shm tmpfs rw,nosuid,nodev",
  ])
    assert.match(seen, new RegExp(`^${line}`, "m"));
  assert.doesNotMatch(seen, /changed/);
});

test(
  "only descriptors 0-2 are open, whatever the caller had",
  needs("root", "mounts", "overlay", "program:busybox", "program:setpriv", "program:bash"),
  (t) => {
    // Node itself marks only what it finds open in a row.
    const caller = [...ALONE, "bash", "-c", 'exec 7</ 200</etc/passwd "$@"', "bash"];
    const { stdout } = launch({ ...job(t), command: ["sh", "-c", "ls /proc/1/fd; true"] }, caller);
    assert.equal(stdout, "0\n1\n2\n");
  },
);

test("standard input reaches the entry, in a session of its own", real, (t) => {
  const { stdout } = launch(
    { ...job(t), command: ["sh", "-c", "cat; cut -d' ' -f5,6 /proc/1/stat"] },
    ALONE,
    "from outside\n",
  );
  assert.equal(stdout, "from outside\n1 1\n");
});

test("the environment is the declared one and nothing more, whatever is in a value", real, (t) => {
  const env = {
    A: "two\nlines",
    B: "$HOME `id` 'q' \"\\",
    "ODD.NAME": "x y",
    UID: "7",
    LD_PRELOAD: "/nowhere.so",
    IFS: "o",
  };
  const seen = inside({ ...job(t), env }, "tr '\\0' '\\1' </proc/1/environ | tr '\\1\\n' '\\n|'");
  const lines = seen
    .split("\n")
    .filter((line) => line !== "")
    .sort();
  assert.deepEqual(
    lines,
    [
      "A=two|lines",
      `B=${env.B}`,
      "HOME=/root",
      "IFS=o",
      "LD_PRELOAD=/nowhere.so",
      "ODD.NAME=x y",
      "PATH=/bin",
      "UID=7",
    ].sort(),
  );
});

for (const shell of ["dash", "bash", "busybox"]) {
  test(
    `${shell} can be the host's shell`,
    needs("root", "mounts", "overlay", "program:busybox", `program:${shell}`),
    (t) => {
      const { dir } = job(t);
      const sh = join(dir, "sh");
      symlinkSync(onPath(shell)!, sh);
      // Names that shells treat each in its own way; `hostname` is an applet a busybox could run itself.
      const env = { UID: "7", A: "$B `x` 'y'", RANDOM: "r", SHLVL: "9" };
      const program = join(dir, "rootfs/bin/hostname");
      rmSync(program);
      writeFileSync(program, "#!/bin/sh\ntr '\\0' '\\n' </proc/1/environ\nexit 3\n", { mode: 0o755 });
      const { stdout, ending } = launch({ dir, sh, env, command: ["hostname"] });
      const seen = stdout.trimEnd().split("\n").sort();
      assert.deepEqual(ending, { code: 3 });
      assert.deepEqual(seen, ["A=$B `x` 'y'", "HOME=/root", "PATH=/bin", "RANDOM=r", "SHLVL=9", "UID=7"]);
      assert.equal(launch({ dir, sh, command: ["ls", "/proc/1/fd"] }).stdout, "0\n1\n2\n3\n");
    },
  );
}

test("user, groups, home, working directory and file mode mask", real, (t) => {
  const { stdout } = launch(
    {
      ...job(t),
      user: "ana",
      workdir: "/tmp",
      command: [
        "sh",
        "-c",
        'id -u; id -g; id -G; echo $HOME; pwd; umask; grep -E "^(NoNewPrivs|CapEff)" /proc/1/status',
      ],
    },
    [...ALONE, "sh", "-c", 'umask 077; exec "$@"', "sh"],
  );
  const caps = "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n";
  assert.equal(stdout, `1000\n1000\n1000 44\n/home/ana\n/tmp\n0022\n${caps}`);
});

test("a host node that is another device is refused", real, (t) => {
  const swapped = [...ALONE, "sh", "-c", 'mount --bind /dev/zero /dev/full; exec "$@"', "sh"];
  const outcome = launch({ ...job(t), command: ["true"] }, swapped);
  assert.equal(outcome.failure?.exit, 125);
  assert.equal(outcome.failure?.summary, "the host's /dev/full is not character device 1:7");
  assertUnchanged(outcome);
});

test("a bounding set bounds root too; an ordinary user has what was added from the start", real, (t) => {
  const { dir } = job(t);
  const seen = (user: string, add: readonly string[]): string =>
    inside({ dir, user, capabilities: { drop: ["ALL"], add } }, "grep -E '^Cap' /proc/1/status | cut -f2");
  const mask = (caps: string): string => `${caps.padStart(16, "0")}\n`;
  const [none, two] = [mask(""), mask("21")];
  assert.equal(seen("root", []), none.repeat(5));
  assert.equal(seen("root", ["CHOWN", "KILL"]), none + two + two + two + none);
  assert.equal(seen("ana", ["CHOWN", "KILL"]), two.repeat(5));
});

test("exit statuses pass through, and nothing is left of a launch (B10)", real, (t) => {
  const { dir } = job(t);
  const codes = [0, 1, 42, 125, 126, 127, 128, 137, 255];
  const [first, ...rest] = codes.map((code) => ({ dir, command: ["sh", "-c", `exit ${code}`] }));
  const outcomes = launchAll([first!, ...rest]);
  assert.deepEqual(
    outcomes.map((it) => it.ending),
    codes.map((code) => ({ code })),
  );
  outcomes.forEach(assertUnchanged);
});

test(
  "a missing command is 127, one that cannot be executed 126, a missing directory 125, and nothing is left (B10)",
  real,
  (t) => {
    const { dir } = job(t);
    writeFileSync(join(dir, "rootfs/etc/plain"), "", { mode: 0o644 });
    const outcomes = launchAll([
      { dir, command: ["no-such-program"] },
      { dir, command: ["/bin/no-such-program"] },
      { dir, command: ["/etc/plain"] },
      { dir, command: ["/etc"] },
      { dir, command: ["true"], workdir: "/no/such/directory" },
      { dir, command: ["true"], user: "nobody-here" },
    ]);
    assert.deepEqual(
      outcomes.map((it) => it.failure?.exit),
      [127, 127, 126, 126, 125, 125],
    );
    outcomes.forEach(assertUnchanged);
  },
);

test("under a shared parent nothing of the inside reaches the outside (B7, B11)", real, (t) => {
  const { dir } = job(t);
  const shared = ["unshare", "-m", "--propagation", "shared"];
  const outcome = launch(
    {
      dir,
      capabilities: { drop: [], add: ["SYS_ADMIN"] },
      command: ["sh", "-c", "mount -t tmpfs none /mnt && grep -c shared: /proc/self/mountinfo"],
    },
    shared,
  );
  assert.match(JSON.stringify(outcome.before), /"shared:/);
  assert.deepEqual(outcome.ending, { code: 1 }, "grep finds nothing shared inside");
  assert.equal(outcome.stdout, "0\n");
  assertUnchanged(outcome);
});

test("an applied tree is run with everything mounted in it, and stays as it is", real, (t) => {
  const { dir } = job(t);
  const merged = join(dir, "merged");
  const mounts = linuxMounts();
  mounts.attach(
    mounts.stage((stage) => (launchOf({ dir, command: [] }).build(stage), stage.take(merged))),
    merged,
  );
  const volume = {
    kind: "volume",
    address: "v",
    target: "/mnt",
    source: dir,
    path: dir,
    type: "dir",
    access: "ro",
    recursive: false,
    options: ["nosuid", "nodev"],
  } as const;
  mounts.inner(merged, volume);
  const before = mountsBelow(dir);
  const { stdout, ...outcome } = launch({
    dir,
    applied: true,
    command: ["sh", "-c", "echo new >/file; ls -d /mnt/rootfs; echo x 2>/dev/null >/mnt/x || echo read-only"],
  });
  assert.equal(stdout, "/mnt/rootfs\nread-only\n");
  assertUnchanged(outcome);
  assert.deepEqual(mountsBelow(dir), before);
  assert.equal(before.length, 2);
  assert.equal(readFileSync(join(merged, "file"), "utf8"), "new\n");
});

test("a rootfs whose /proc, /dev or /sys is a symlink, or no directory, is refused", real, (t) => {
  const { dir } = job(t);
  const victim = join(dir, "victim");
  mkdirSync(victim);
  for (const name of ["proc", "dev", "sys"]) {
    const place = join(dir, "rootfs", name);
    rmdirSync(place);
    const makes = name === "dev" ? [victim, "../../../..", undefined] : [victim];
    for (const target of makes) {
      if (target === undefined) writeFileSync(place, "");
      else symlinkSync(target, place);
      const outcome = launch({ dir, command: ["true"] });
      assert.deepEqual(
        [outcome.failure?.exit, outcome.failure?.summary],
        [125, `/${name} is no directory (a symlink is not followed) in the rootfs`],
      );
      assertUnchanged(outcome);
      rmSync(place);
    }
    mkdirSync(place);
  }
  assert.deepEqual(readdirSync(victim), []);
});

test(
  "host programs that helpers are started from are read-only for whoever is inside (CVE-2019-5736)",
  straced,
  async (t) => {
    const { dir } = job(t);
    const [file, ...args] = programFor([{ dir, command: ["echo", dir] }]);
    const child = spawn(
      "strace",
      ["-f", "-o", "/dev/null", "-e", "inject=pivot_root:delay_enter=1000000", file, ...args],
      { stdio: "ignore" },
    );
    const waiting = await processWith(dir, (argv) => argv.includes("envctl") && argv[0]!.endsWith("sh"));
    const mounts = readFileSync(`/proc/${waiting}/mountinfo`)
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
    await once(child, "exit");
    const writable = mounts.filter(
      ([, , , , point = "", options = ""]) =>
        !options.split(",").includes("ro") && !point.startsWith(`${dir}/merged`),
    );
    assert.deepEqual(
      writable.map(([, , , , point]) => point),
      [],
    );
    assert.ok(mounts.some(([, , , , point, options]) => point === "/" && options!.startsWith("ro")));
  },
);
