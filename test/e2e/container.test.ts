// Named environments on one rootfs, isolated by namespaces and pivot_root (rows B1 to B6, B8, B9).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { readMounts } from "#test/mountinfo";
import { needs, onPath } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { paths, tree } from "#test/tree";

guard();

/** Runs a line of shell inside, in the applied environment and in a throwaway one. */
const KINDS = [["run"], ["run", "--rm"]] as const;

function inside(p: Project, kind: readonly string[], script: string): string {
  return p.ok([...kind, "web", "--", "sh", "-c", script]).stdout;
}

test(
  "B1 a file made in one environment is not in the other on the same rootfs",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.env("one");
    p.env("two");
    p.ok(["apply", "-y"]);
    p.ok([
      "run",
      "one",
      "--",
      "sh",
      "-c",
      "echo 1 >/root/made && echo changed >/etc/passwd && rm /etc/group",
    ]);
    const two = p.ok(["run", "two", "--", "sh", "-c", "ls /root; wc -l </etc/passwd; ls /etc/group"]).stdout;
    assert.equal(two, "2\n/etc/group\n");
    p.ok(["run", "--rm", "one", "--", "test", "-e", "/root/made"], 1);
    p.ok(["destroy", "-y", "two"]);
    assert.equal(p.ok(["run", "one", "--", "cat", "/root/made", "/etc/passwd"]).stdout, "1\nchanged\n");
  },
);

test("B2 the rootfs is unchanged by whatever is done inside", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("rootfs/srv/dir/file", "below");
  p.write("rootfs/srv/other", "below");
  const before = tree(join(p.dir, "rootfs"), { times: true, root: true });
  p.env("web");
  const changes =
    "echo more >>/etc/passwd; chmod 777 /etc/group; chmod 700 / /srv; touch /srv/dir; rm /srv/other; mv /srv/dir /srv/moved; " +
    "ln /etc/group /etc/hard; ln -sf /nowhere /bin/ls; cp /bin/busybox /srv/copy; mkdir /etc/passwd.d; sync; : >/bin/busybox";
  for (const kind of KINDS) {
    p.run([...kind, "web", "--", "sh", "-c", changes]);
    assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true, root: true }), before, kind.join(" "));
  }
  // The same from outside, by whoever may enter the directory.
  spawnSync("sh", [
    "-c",
    'cd "$1" && rm -r var && chmod 000 etc && echo x >tmp/x',
    "sh",
    p.place("web", "merged"),
  ]);
  p.ok(["destroy", "-y", "web"]);
  assert.deepEqual(tree(join(p.dir, "rootfs"), { times: true, root: true }), before);
});

test(
  "B3 of three lowers the first listed wins, and all are above the rootfs",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    for (const layer of ["rootfs", "c", "b", "a"]) {
      p.write(`${layer}/shared/who`, layer);
      p.write(`${layer}/shared/from-${layer}`, layer);
    }
    for (const layer of ["rootfs", "c", "b"]) p.write(`${layer}/second`, layer);
    for (const layer of ["rootfs", "c"]) p.write(`${layer}/third`, layer);
    p.env("web", "lowers: [../a, ../b, { dir: ../c }]\n");
    for (const kind of KINDS) {
      const seen = inside(p, kind, "cat /shared/who; echo; cat /second; echo; cat /third; echo; ls /shared");
      assert.equal(seen, "a\nb\nc\nfrom-a\nfrom-b\nfrom-c\nfrom-rootfs\nwho\n", kind.join(" "));
    }
    p.env("web", "lowers: [../c, ../b, ../a]\n");
    p.ok(["apply", "-y", "web"]);
    assert.equal(
      inside(p, ["run"], "cat /shared/who /second /third"),
      "ccc",
      "and another order is another environment",
    );
  },
);

test(
  "B4 every directory of the state directory is 0700, whatever the umask",
  needs("root", "overlay", "program:setpriv"),
  (t) => {
    for (const umask of ["000", "277"]) {
      const p = project(t);
      p.env("web", "limits: { pids: 20 }\n");
      p.ok(["apply", "-y", "web"], 0, { before: ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"] });
      const dir = `envs/${p.id("web")}`;
      for (const path of [
        "",
        "envs",
        "layers",
        "locks",
        dir,
        `${dir}/rw`,
        `${dir}/rw/work`,
        `${dir}/init.work`,
      ]) {
        assert.equal(
          (lstatSync(join(p.state, path)).mode & 0o7777).toString(8),
          "700",
          `${path} with umask ${umask}`,
        );
      }
      for (const file of ["lineage", `${dir}/env.json`]) {
        assert.equal(
          (lstatSync(join(p.state, file)).mode & 0o7777).toString(8),
          "600",
          `${file} with umask ${umask}`,
        );
      }
      const stranger = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
      const look = spawnSync(stranger[0]!, [...stranger.slice(1), "ls", p.place("web", "merged")], {
        encoding: "utf8",
      });
      assert.match(look.stderr, /Permission denied/);
      p.ok(["destroy", "-y", "web"]);
    }
  },
);

const BAD_NAMES = [
  "../evil",
  "a/b",
  "/abs",
  "..",
  ".",
  "",
  ".hidden",
  "a..b",
  "A",
  "a b",
  "a\\u0000b",
  "-web",
  "x".repeat(64),
];

test("B4 names with a slash or dots are refused, in a file and as its name, and nothing is made", (t) => {
  const p = project(t);
  for (const name of BAD_NAMES) {
    p.write("envs/web.yaml", `version: 1\nname: "${name}"\nrootfs: { dir: ../rootfs }\n`);
    const before = paths(p.dir);
    assert.match(p.ok(["apply", "-y", "web"], 3).stderr, /envs\/web\.yaml:2:7: /, name);
    assert.deepEqual(paths(p.dir), before, `nothing is made for ${name}`);
  }
  p.ok(["run", "--rm", "web", "--", "true"], 125);
  for (const file of ["...yaml", "..yaml", "a b.yaml", ".hidden.yaml"]) {
    p.write(
      `other/${file}`,
      `version: 1\nname: "${file.slice(0, -".yaml".length)}"\nrootfs: { dir: ../rootfs }\n`,
    );
    p.ok(["apply", "-y", `other/${file}`], 3);
  }
  p.ok(["destroy", "-y", "--all"]);
  p.ok(["destroy", "-y", "web"]);
  assert.equal(p.exists("state"), false);
});

test(
  "B4 an argument cannot lead destroy or show out of the state directory",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    p.env("web");
    p.ok(["apply", "-y", "web"]);
    p.write("state-else/keep", "x");
    const ways = [
      "../../state-else",
      "..",
      ".",
      "../envs",
      `${p.id("web")}/../..`,
      "web/../../state-else",
      "",
    ];
    for (const way of ways) p.ok(["destroy", "-y", way], 3);
    p.ok(["show", ways[0]!], 3);
    p.ok(["run", ways[0]!, "--", "true"], 125);
    assert.equal(p.exists("state-else/keep"), true);
    assert.equal(p.mounts().length, 1);
  },
);

test("B5 uts, pid, mnt, net and ipc namespaces are not the host's", needs("root", "overlay"), (t) => {
  const p = project(t);
  // sethostname(2) asks for this capability.
  p.env("web", "entry: { hostname: inner-name, capabilities: { add: [SYS_ADMIN] } }\n");
  const names = ["uts", "pid", "mnt", "net", "ipc"];
  const link = (name: string): string => `${name} ${readlinkSync(`/proc/self/ns/${name}`)}`;
  const host = names.map(link);
  for (const kind of KINDS) {
    const seen = inside(
      p,
      kind,
      `for n in ${names.join(" ")}; do echo $n $(readlink /proc/self/ns/$n); done`,
    );
    const own = seen.trim().split("\n");
    assert.deepEqual(
      own.map((line) => line.split(" ")[0]),
      names,
    );
    for (const line of own) assert.ok(!host.includes(line), `${kind.join(" ")}: ${line}`);
    assert.equal(inside(p, kind, "hostname; hostname other; hostname"), "inner-name\nother\n");
  }
  assert.notEqual(hostname(), "other");
  assert.deepEqual(names.map(link), host);
  p.env("web", "entry: { network: host }\n");
  const shared = inside(p, ["run", "-y"], "for n in net uts; do echo $n $(readlink /proc/self/ns/$n); done");
  const [net, uts] = shared.split("\n");
  assert.equal(net, link("net"), "network: host means the host's own");
  assert.notEqual(uts, link("uts"));
});

test(
  "B6 the entry is process 1, and /proc is its own: nosuid, nodev, noexec",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    const script =
      "echo $$; cat /proc/1/cmdline; echo; ls -d /proc/[0-9]* | wc -l; grep ' /proc ' /proc/self/mountinfo";
    p.write("rootfs/bin/entry", `#!/bin/sh\n${script}\n`, 0o755);
    p.env("web", "entry: { command: [entry, argument] }\n");
    for (const kind of KINDS) {
      const [pid, command, processes, mount = ""] = p.ok([...kind, "web"]).stdout.split("\n");
      assert.equal(pid, "1");
      assert.equal(command, "/bin/sh\0/bin/entry\0argument\0");
      // The shell, ls and wc at most.
      assert.ok(Number(processes) <= 3, `${processes} processes`);
      const [, , , root, , flags = ""] = mount.split(" ");
      assert.equal(root, "/");
      for (const flag of ["nosuid", "nodev", "noexec"]) assert.ok(flags.split(",").includes(flag), mount);
    }
  },
);

/** `point type` of everything mounted inside. */
function mountsInside(p: Project, kind: readonly string[]): string[] {
  return inside(p, kind, "cat /proc/self/mountinfo")
    .trim()
    .split("\n")
    .map((line) => `${line.split(" ")[4]} ${line.split(" - ")[1]!.split(" ")[0]}`)
    .sort();
}

test("B8 inside only what is declared is mounted", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("src/file", "x");
  p.env("web", "volumes: [../src:/work]\ntmpfs: [{ target: /tmp }]\n");
  const below = readMounts().filter((m) => `${p.dir}/`.startsWith(m.point === "/" ? "/" : `${m.point}/`));
  const disk = below.reduce((a, b) => (b.point.length >= a.point.length ? b : a)).type;
  const there = (dir: string, names: string): readonly string[] =>
    names.split(" ").flatMap((name) => (existsSync(`${dir}/${name}`) ? [`${dir}/${name}`] : []));
  const readOnly = there("/proc", "bus fs irq sys sysrq-trigger");
  const masked = [
    ...there(
      "/proc",
      "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats",
    ),
    ...there("/sys", "firmware devices/virtual/powercap"),
    ...readdirSync("/sys/devices/system/cpu")
      .filter((name) => /^cpu\d+$/.test(name))
      .flatMap((name) => there(`/sys/devices/system/cpu/${name}`, "thermal_throttle")),
  ];
  const dev = ["null", "zero", "full", "random", "urandom", "tty"];
  const system = [
    "/ overlay",
    "/dev tmpfs",
    ...dev.map((name) => `/dev/${name} ${devType()}`),
    ...(existsSync("/proc/sys/fs/mqueue") ? ["/dev/mqueue mqueue"] : []),
    "/dev/pts devpts",
    "/dev/shm tmpfs",
    "/proc proc",
    ...readOnly.map((path) => `${path} proc`),
    ...masked.map((path) => `${path} ${lstatSync(path).isDirectory() ? "tmpfs" : devType()}`),
    "/sys sysfs",
  ];
  const wanted = [...system, "/tmp tmpfs", `/work ${disk}`].sort();
  for (const kind of KINDS) assert.deepEqual(mountsInside(p, kind), wanted, kind.join(" "));
});

/** What the host's /dev is. */
const devType = (): string => readMounts().findLast((m) => m.point === "/dev")?.type ?? "";

test("B8 no path, link or descriptor leads to the old root", needs("root", "overlay"), (t) => {
  const p = project(t);
  p.write("src/file", "x");
  p.write("old-root-marker", "x");
  p.env("web", "volumes: [../src:/work]\n");
  const ways = [
    "",
    "/..",
    "/../../..",
    "/work/..",
    "/proc/1/root",
    "/proc/1/cwd",
    "/proc/self/root",
    "/proc/self/cwd/..",
    "/proc/self/task/1/root",
    "/.pivot_root",
    "/.old_root",
  ];
  const script = [
    `for way in ${ways.map((way) => `'${way}'`).join(" ")} /proc/*/fd/* /proc/*/root /proc/*/cwd; do ls -d "$way${p.dir}" && echo "reached by $way"; done 2>/dev/null`,
    "find / -name old-root-marker 2>/dev/null",
    "cd / && ls -A",
    "ls /proc/self/fd | wc -l",
  ].join("; ");
  // Descriptors of the host that whoever starts envctl forgot to close.
  const leak = (at: string): number => {
    const fd = openSync(at, "r");
    p.after(() => closeSync(fd));
    return fd;
  };
  const fds = [leak("/"), leak(p.dir), leak(join(p.dir, "old-root-marker"))];
  for (const kind of KINDS) {
    const { stdout } = p.ok([...kind, "web", "--", "sh", "-c", script], 0, { fds });
    const lines = stdout.trim().split("\n");
    assert.deepEqual(
      lines.filter((line) => /reached|marker/.test(line)),
      [],
      kind.join(" "),
    );
    // 0 to 2, and the directory that ls reads.
    assert.equal(lines.at(-1), "4");
    assert.deepEqual(
      lines.slice(0, -1),
      [...Object.keys(tree(join(p.dir, "rootfs"))).filter((path) => !path.includes("/")), "work"].sort(),
    );
  }
  assert.deepEqual(paths(p.place("web", "rw/upper")), [], "nothing is left of changing the root");
});

test(
  "B8 leaving a second chroot by a forgotten directory ends at the environment's own root",
  needs("root", "overlay", "program:perl", "program:ldd"),
  (t) => {
    const p = project(t);
    p.write("old-root-marker", "x");
    const perl = onPath("perl")!;
    const libraries = spawnSync("ldd", [perl], { encoding: "utf8" }).stdout.match(/\/\S+/g)!;
    for (const file of [perl, ...libraries]) {
      mkdirSync(join(p.dir, "rootfs", dirname(file)), { recursive: true });
      copyFileSync(file, join(p.dir, "rootfs", file));
    }
    p.env("web");
    // chroot(2): the superuser can escape from a "chroot jail" by making another one and going up from a directory outside of it.
    const escape = `mkdir "/jail"; chroot "/jail" or die $!; chdir ".." for 1..64; chroot "." or die $!; opendir D, "."; print join " ", sort grep { !/^[.]/ } readdir D; print -e "${p.dir}/old-root-marker" ? " OUT" : " in";`;
    for (const kind of KINDS) {
      const { stdout } = p.ok([...kind, "web", "--", perl, "-e", escape]);
      assert.match(stdout, /^bin dev etc jail .* in$/, kind.join(" "));
    }
  },
);

test(
  "B9 after destroy nothing is left of merged, work, upper and mounts",
  needs("root", "overlay"),
  async (t) => {
    const p = project(t);
    p.write("data/kept", "x");
    p.env(
      "web",
      "volumes: [../data:/data]\ntmpfs: [{ target: /scratch }]\nlimits: { pids: 50, memory: 64MiB }\n",
    );
    // A tree whose paths are too long for one call, names that are no text, directories that nobody may enter.
    const deep = `n=$(head -c 200 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 30 ]; do mkdir $n && cd -P $n || exit 9; i=$((i+1)); done`;
    const script = `cd /root && (${deep}); touch "$(printf '/root/\\377\\n')" && mkdir -p /root/shut/in && chmod 000 /root/shut /root/shut/in && rm -r /var && mkdir /var && echo up && sleep 1000`;
    const running = p.start(["run", "web", "--", "sh", "-c", script]);
    let said = "";
    running.stdout!.on("data", (chunk: Buffer) => (said += chunk.toString()));
    running.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise((resolve) => running.on("exit", resolve));
    await until("everything is made", () => said.includes("up\n"), 30_000);
    p.ok(["destroy", "-y", "web"]);
    assert.equal(await ended, 137, "a process of the environment's own goes with it");
    assert.deepEqual(p.mounts(), []);
    const left = paths(p.state).filter((path) => !/^cache(\/|$)/.test(path)); // envctl's own bytecode
    assert.deepEqual(left, ["README", "envs", "layers", "lineage", "locks"]);
    assert.deepEqual(p.cgroups(), []);
    assert.equal(p.read("data/kept"), "x");
    p.ok(["drift"]);
  },
);

test(
  "B9 destroying one environment leaves another and its processes alone",
  needs("root", "overlay"),
  (t) => {
    const p = project(t);
    for (const name of ["one", "two"]) p.env(name, "limits: { pids: 20 }\n");
    p.ok(["apply", "-y"]);
    p.ok(["run", "two", "--", "touch", "/mine"]);
    p.ok(["destroy", "-y", "one"]);
    assert.deepEqual(
      p.mounts().map((m) => m.point),
      [p.place("two", "merged")],
    );
    assert.equal(p.cgroups().filter((dir) => dir.endsWith(p.id("two"))).length, 1);
    p.ok(["run", "two", "--", "test", "-e", "/mine"]);
    p.ok(["drift"]);
  },
);
