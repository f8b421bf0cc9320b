// What an ordinary user can do, with subordinate ids and without: rows of root's, in one user and mount namespace.
import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { guard } from "#test/guard";
import { type Need, needs } from "#test/needs";
import { running } from "#test/running";
import { SLOWNESS } from "#test/slow";
import { USER, userProject } from "#test/user";

guard();

const MACHINE: readonly Need[] = ["root", "mounts", "overlay", "userns", "program:setpriv"];
const USERS = [
  ["single", "an ordinary user", MACHINE],
  ["range", "an ordinary user with subordinate ids", [...MACHINE, "setuid:newuidmap"]],
] as const;

type User = ReturnType<typeof userProject>;

/** What a shell inside prints. */
const inside = (p: User, script: string, ...flags: readonly string[]): string =>
  p.ok(["run", "--rm", ...flags, "web", "--", "sh", "-ec", script]).stdout;

for (const [ids, who, machine] of USERS) {
  test(`B10 run --rm hands exit statuses on and leaves nothing (B9), as ${who}`, needs(...machine), (t) => {
    const p = userProject(t, ids);
    p.env("web", "limits: { pids: 50 }\n");
    p.give();
    const run = (code: number, ...command: readonly string[]): string =>
      p.ok(["run", "--rm", "web", "--", ...command], code).stderr;
    assert.equal(
      run(7, "sh", "-c", "exit 7"),
      "envctl: limit does not hold: pids: this user has no cgroup for it (--strict-limits refuses)\n",
    );
    assert.match(run(127, "nosuch"), /command not found/);
    assert.match(run(126, "/etc/passwd"), /executable/);
    assert.match(
      p.ok(["run", "--rm", "--strict-limits", "web"], 125).stderr,
      /web\.yaml:4:17: cannot be enforced/,
    );
    assert.deepEqual(p.instances(), []);
    const { uid, gid, mode } = lstatSync(p.state);
    assert.deepEqual([uid, gid, mode & 0o777], [USER.uid, USER.gid, 0o700]);
  });

  test(
    `B5 B6 B8 E18 E19 inside are namespaces, mounts and a root of its own, as ${who}`,
    needs(...machine),
    (t) => {
      const p = userProject(t, ids);
      p.write("src/file", "text\n");
      p.env("web", 'volumes: ["../src:/work:ro"]\ntmpfs: [{ target: /tmp, size: 1MiB, mode: 1777 }]\n');
      p.give();
      const told = inside(
        p,
        `echo $$; for n in user mnt uts ipc pid net cgroup; do readlink /proc/self/ns/$n; done; ls -a /; echo =
        test ! -e ${p.dir}; cat /work/file; cat /proc/self/mountinfo; echo =; ls /proc/self/fd; cat /proc/self/status`,
      );
      const [first = "", mounts = "", rest = ""] = told.split("=\n");
      const lines = first.split("\n");
      assert.equal(lines[0], "1");
      for (const [i, name] of ["user", "mnt", "uts", "ipc", "pid", "net", "cgroup"].entries())
        assert.notEqual(lines[1 + i], readlinkSync(`/proc/self/ns/${name}`), name);
      assert.ok(!lines.some((name) => /old|pivot/.test(name)), first);
      const at = new Map(mounts.split("\n").map((line) => [line.split(" ")[4], line]));
      assert.match(at.get("/")!, / - overlay envctl:.*userxattr/);
      assert.match(at.get("/proc")!, /nosuid,nodev,noexec.* - proc /);
      assert.match(at.get("/work")!, / ro,nosuid,nodev/);
      assert.match(at.get("/dev")!, / - tmpfs /);
      assert.match(at.get("/sys")!, / ro,/);
      assert.match(at.get("/tmp")!, / - tmpfs /);
      // 3 is the directory that is listed.
      assert.match(rest, /^0\n1\n2\n3\nName/);
      assert.match(rest, /^NoNewPrivs:\t1$/m);
      assert.match(rest, /^CapEff:\t00000000a00425fb$/m);
    },
  );

  test(
    `C20 what is deleted and made again is empty, what is renamed stays whole, as ${who}`,
    needs(...machine),
    (t) => {
      const p = userProject(t, ids);
      for (const path of ["gone/a", "gone/sub/b", "moved/c", "file"])
        p.write(`rootfs/data/${path}`, `${path}\n`);
      p.env("web");
      p.give();
      const script = `cd /data; rm -r gone; mkdir gone; ls -A gone; touch gone/new; ls gone
        mv moved there; cat there/c; test ! -e moved; rm file; test ! -e file; echo x > /etc/passwd; cat /etc/passwd`;
      assert.equal(inside(p, script), "new\nmoved/c\nx\n");
      assert.equal(p.read("rootfs/data/gone/sub/b"), "gone/sub/b\n");
      assert.deepEqual(p.instances(), []);
    },
  );

  test(
    `D7 F25 the init layer is over the rootfs, and / has the mode of its root, as ${who}`,
    needs(...machine),
    (t) => {
      const p = userProject(t, ids);
      p.write("rootfs/etc/hostname", "of the rootfs\n");
      chmodSync(join(p.dir, "rootfs"), 0o751);
      p.env("web");
      p.give();
      const told = inside(
        p,
        "cat /etc/hostname; readlink /etc/mtab; grep -c web /etc/hosts; cat /etc/resolv.conf; stat -c %a /",
      );
      assert.equal(told, "web\n/proc/mounts\n1\n# no network: entry.network is none\n751\n");
      assert.equal(p.read("rootfs/etc/hostname"), "of the rootfs\n");
    },
  );

  test(`B7 B11 no mount of the inside reaches a shared parent, as ${who}`, needs(...machine), (t) => {
    const p = userProject(t, ids, "shared");
    p.write("src/file", "");
    p.env("web", 'volumes: ["../src:/work"]\nentry: { network: none }\n');
    p.give();
    assert.equal(inside(p, "ls /work /sys/class/net"), "/sys/class/net:\nlo\n\n/work:\nfile\n");
  });

  test(
    `F20 SIGKILL of envctl ends the entry, and the next command sweeps what remains, as ${who}`,
    needs(...machine),
    async (t) => {
      const p = userProject(t, ids);
      p.write("src/file", "");
      p.env("web", 'volumes: ["../src:/work"]\n');
      p.give();
      const script =
        "(setsid sh -c 'while sleep 0.05; do date +%N > /work/beat; done' &); echo up; sleep 1000";
      const { child, ended } = await running(p, ["run", "--rm", "web", "--", "sh", "-c", script]);
      child.kill("SIGKILL");
      await ended;
      const beat = (): string => (p.exists("src/beat") ? p.read("src/beat") : "");
      for (let tries = 1, last: string | undefined; beat() !== last; tries++) {
        assert.ok(tries < 20, "it goes on");
        last = beat();
        await sleep(200 * SLOWNESS);
      }
      assert.equal(p.instances().length, 1);
      inside(p, "true");
      assert.deepEqual(p.instances(), []);
      assert.ok(p.exists("src/file"));
    },
  );

  test(`signals end the entry as they would anything else, as ${who}`, needs(...machine), async (t) => {
    const p = userProject(t, ids);
    p.env("web");
    p.give();
    const waiting = ["run", "--rm", "web", "--", "sh", "-c"];
    const killed = await running(p, [...waiting, "echo up; exec sleep 1000"]);
    killed.child.kill("SIGTERM");
    assert.equal((await killed.ended).code, 143);
    const caught = await running(p, [
      ...waiting,
      "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    caught.child.kill("SIGTERM");
    assert.equal((await caught.ended).code, 5);
    assert.deepEqual(p.instances(), []);
  });

  test(
    `an entry that wants a terminal gets one of its own, and files it writes are the caller's, as ${who}`,
    needs(...machine),
    (t) => {
      const p = userProject(t, ids);
      mkdirSync(join(p.dir, "src"));
      p.env("web", 'volumes: ["../src:/work"]\n');
      p.give();
      assert.match(
        inside(p, "test -t 0; readlink /proc/self/fd/1; echo x > /work/mine", "-t"),
        /^\/dev\/pts\/0\r\n$/,
      );
      const { uid, gid } = lstatSync(join(p.dir, "src/mine"));
      assert.deepEqual([uid, gid], [USER.uid, USER.gid]);
    },
  );
}

test(
  "F21 killed at any moment of its start an ordinary user's entry runs inside or not at all",
  needs(...MACHINE),
  async (t) => {
    const p = userProject(t);
    p.env("web");
    p.give();
    inside(p, "true");
    // Its own directory is the user's to write to: an entry on the host would leave a mark there.
    const script = `mkdir -p ${p.dir}; : > ${p.dir}/mark`;
    for (let ms = 20; ms <= 240; ms += 20) {
      const child = p.start(["run", "--rm", "web", "--", "sh", "-c", script], { stdio: "ignore" });
      await sleep(ms * SLOWNESS);
      child.kill("SIGKILL");
      await new Promise((resolve) =>
        (child.exitCode ?? child.signalCode) === null ? child.on("exit", resolve) : resolve(0),
      );
    }
    inside(p, "true");
    assert.ok(!p.exists("mark"));
    assert.deepEqual(p.instances(), []);
  },
);
