// What root inside may do, and what it finds covered (row B8): nothing of it leads to the host.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { readMounts } from "#test/mountinfo";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { paths } from "#test/tree";

guard();

const REAL = needs("root", "overlay");
const KINDS = [["run"], ["run", "--rm"]] as const;

/** Bits of <linux/capability.h>, in this harness's own words. */
const BIT = { NET_BIND_SERVICE: 10n, NET_RAW: 13n, SYS_ADMIN: 21n, SYS_TIME: 25n, MKNOD: 27n } as const;
/** Docker's default set without MKNOD. */
const USUAL = 0xa00425fbn;

type Masks = Readonly<Record<"Inh" | "Prm" | "Eff" | "Bnd" | "Amb", bigint>>;

/** The capability masks of an entry. */
function masks(p: Project, kind: readonly string[] = ["run", "--rm"]): Masks {
  const { stdout } = p.ok([...kind, "web", "--", "grep", "^Cap", "/proc/self/status"]);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => /^Cap(\w+):\t([0-9a-f]+)$/.exec(line)!);
  return Object.fromEntries(lines.map(([, name, mask]) => [name, BigInt(`0x${mask}`)])) as Masks;
}

const only = (mask: bigint): Masks => ({ Inh: 0n, Prm: mask, Eff: mask, Bnd: mask, Amb: 0n });

test("B8 root inside keeps the capabilities it needs for its own tree alone", REAL, (t) => {
  const p = project(t);
  p.env("web");
  // What the caller's shell may have left inheritable or ambient does not come along.
  for (const kind of KINDS) assert.deepEqual(masks(p, kind), only(USUAL), kind.join(" "));
  p.env("web", "entry: { network: host }\n");
  assert.deepEqual(masks(p), only(USUAL & ~(1n << BIT.NET_RAW)), "raw sockets would be the host's");
});

test("B8 capabilities: names in any case, with and without CAP_, dropped and added", REAL, (t) => {
  const p = project(t);
  const of = (capabilities: string): Masks => {
    p.env("web", `entry: { capabilities: ${capabilities} }\n`);
    return masks(p);
  };
  assert.deepEqual(of("{ drop: [net_raw] }"), only(USUAL & ~(1n << BIT.NET_RAW)));
  assert.deepEqual(of("{ drop: [ALL] }"), only(0n));
  assert.deepEqual(of("{ drop: [all], add: [CAP_NET_RAW] }"), only(1n << BIT.NET_RAW));
  assert.deepEqual(of("{ add: [Cap_Sys_Time] }"), only(USUAL | (1n << BIT.SYS_TIME)));
  const own = /^CapBnd:\t(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  assert.deepEqual(of("{ add: [ALL] }"), only(BigInt(`0x${own}`)));
  p.env("web", "entry:\n  capabilities: { add: [SYS_ADMINN] }\n");
  assert.match(p.ok(["validate", "web"], 3).stderr, /web\.yaml:5:25: not a capability/);
});

test("B8 an ordinary user has what was added, and no other", REAL, (t) => {
  const p = project(t);
  p.env("web", "entry: { user: ana }\n");
  assert.deepEqual(masks(p), { ...only(0n), Bnd: USUAL });
  p.env("web", "entry: { user: ana, capabilities: { add: [NET_BIND_SERVICE] } }\n");
  const added = 1n << BIT.NET_BIND_SERVICE;
  assert.deepEqual(masks(p), { Inh: added, Prm: added, Eff: added, Bnd: USUAL, Amb: added });
});

test("B8 what envctl does not have itself is refused, and nothing is left", REAL, (t) => {
  const p = project(t);
  p.env("web", "entry: { capabilities: { add: [SYS_TIME] } }\n");
  const before = ["setpriv", "--bounding-set", "-sys_time", "--"];
  const { stderr } = p.ok(["run", "--rm", "web", "--", "true"], 125, { before });
  assert.match(stderr, /^envctl: cannot add CAP_SYS_TIME: envctl does not have it here itself$/m);
  assert.deepEqual([p.mounts(), p.cgroups(), paths(join(p.state, "envs"))], [[], [], []]);
});

test("B8 root inside can neither mount nor take away what is mounted", REAL, (t) => {
  const p = project(t);
  p.write("src/file", "x");
  p.env("web", "volumes: [../src:/work:ro]\n");
  const tries = [
    "mount -t tmpfs none /mnt",
    "mount -o remount,rw /work",
    "mount -o remount,rw /sys",
    "mount -o bind /proc/sys /mnt",
    "umount /proc/sys",
    "umount /work",
    "hostname other",
    "echo 1 >/proc/sys/kernel/panic",
    "echo b >/proc/sysrq-trigger",
    "echo x >/work/file",
  ];
  for (const kind of KINDS) {
    const script = tries.map((line) => `(${line}) 2>/dev/null && echo '${line}'`).join("\n");
    assert.equal(p.run([...kind, "web", "--", "sh", "-c", script]).stdout, "", kind.join(" "));
  }
});

test("B8 a block device made inside, or lying in the rootfs, opens nothing", REAL, (t) => {
  const p = project(t);
  const { dev } = statSync(p.dir);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)].map(String);
  execFileSync("mknod", ["-m", "666", join(p.dir, "rootfs/disk"), "b", major!, minor!]);
  execFileSync("mknod", ["-m", "666", join(p.dir, "rootfs/memory"), "c", "1", "1"]);
  p.write("src/file", "x");
  p.env(
    "web",
    "volumes: [../src:/work]\ntmpfs: [{ target: /tmp }]\nentry: { capabilities: { add: [MKNOD] } }\n",
  );
  const places = ["/made", "/dev/made", "/dev/shm/made", "/tmp/made", "/work/made"];
  const script = [
    `for at in ${places.join(" ")}; do busybox mknod -m 666 $at b ${major} ${minor} || echo "not made: $at"; done`,
    `for at in /disk /memory ${places.join(" ")}; do head -c 1 $at 2>&1 >/dev/null; (: >$at) 2>/dev/null && echo "written: $at"; done`,
  ].join("\n");
  for (const kind of KINDS) {
    const said = p.run([...kind, "web", "--", "sh", "-c", `${script}; rm -f ${places.join(" ")}`]).stdout;
    const refused = ["/disk", "/memory", ...places].map((at) => `head: ${at}: Permission denied\n`);
    assert.equal(said, refused.join(""), kind.join(" "));
  }
  p.env("web");
  const { stderr } = p.ok(["run", "--rm", "web", "--", "busybox", "mknod", "/made", "b", "8", "0"], 1);
  assert.match(stderr, /Operation not permitted/);
});

test("B8 what tells of the machine is masked, what steers it is read-only", REAL, (t) => {
  const p = project(t);
  p.env("web");
  const there = (names: string): string[] => names.split(" ").filter((name) => existsSync(name));
  const masked = there(
    "/proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi " +
      "/proc/timer_list /proc/timer_stats /sys/firmware /sys/devices/virtual/powercap /sys/devices/system/cpu/cpu0/thermal_throttle",
  );
  assert.ok(masked.includes("/proc/keys") || masked.includes("/proc/timer_list"));
  const show = `for at in ${masked.join(" ")}; do if test -d $at; then ls -A $at; touch $at/x; else cat $at; fi; done 2>/dev/null`;
  const readOnly = there("/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys");
  const table = `for at in ${readOnly.join(" ")}; do grep -q " $at [^ ]* ro," /proc/self/mounts || echo "$at can be written"; done`;
  for (const kind of KINDS)
    assert.equal(p.ok([...kind, "web", "--", "sh", "-c", `${show}; ${table}`]).stdout, "", kind.join(" "));
});

test(
  "B8 hostile symlinks at /proc, /dev and /sys are refused, and nothing is made where they lead",
  REAL,
  (t) => {
    for (const name of ["proc", "dev", "sys"]) {
      const p = project(t);
      p.write("victim/kept", "x");
      execFileSync("sh", [
        "-c",
        'rmdir "$1" && ln -s "$2" "$1"',
        "sh",
        join(p.dir, "rootfs", name),
        join(p.dir, "victim"),
      ]);
      p.env("web");
      for (const kind of KINDS) {
        const { stderr } = p.ok([...kind, "web", "--", "true"], 125);
        assert.match(
          stderr,
          new RegExp(`/${name} is no directory \\(a symlink is not followed\\) in the rootfs`),
        );
      }
      assert.deepEqual(readdirSync(join(p.dir, "victim")), ["kept"]);
      assert.deepEqual(
        readMounts().filter((m) => m.point.startsWith(join(p.dir, "victim"))),
        [],
      );
    }
  },
);

test("B8 a passwd of many gigabytes inside is refused before it is read", REAL, (t) => {
  for (const name of ["passwd", "group"]) {
    const p = project(t);
    const file = join(p.dir, "rootfs/etc", name);
    truncateSync(file, 3 * 2 ** 30);
    p.env("web", "entry: { user: ana }\n");
    for (const kind of KINDS) {
      const { stderr } = p.ok([...kind, "web", "--", "true"], 125);
      assert.match(stderr, new RegExp(`read\\(.*/etc/${name}>,\\s+…,\\s+3221225472\\)\\s+kernel +EFBIG`));
    }
  }
});

test(
  "B8 a directory as a standard stream, or a working directory in /proc, is refused: both lead out",
  REAL,
  (t) => {
    const p = project(t);
    p.env("web");
    const { stderr } = p.ok(["run", "--rm", "web", "--", "ls", "/proc/self/fd/0/.."], 125, {
      before: ["sh", "-c", 'exec "$@" <"$0"', p.dir],
    });
    assert.match(stderr, /standard input is a directory, which would lead out of the environment/);
    for (const workdir of ["/proc/self/fd/0", "/proc/1/cwd", "/proc/self/root/.."]) {
      p.env("web", `entry: { workdir: ${workdir} }\n`);
      const inside = p.run(["run", "--rm", "web", "--", "ls", "-d", `${p.dir}/envs`]);
      assert.notEqual(inside.code, 0, workdir);
      assert.equal(inside.stdout, "");
    }
    assert.deepEqual(paths(join(p.state, "envs")), []);
  },
);
