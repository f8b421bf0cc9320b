// Other mount namespaces: mounts of others in ours, copies of ours in theirs, and environments applied elsewhere (rows F12, F22 and F24).
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { mount, umount } from "#test/by-hand";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { type Occupant, occupant, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { running } from "#test/running";

guard();

const machine = needs("root", "overlay", "mounts", "program:nsenter");

const BODY = 'volumes: ["../cache:/var/cache/app"]\n';

function applied(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("cache/file", "precious");
  p.env("web", BODY);
  p.ok(["apply", "web", "-y"]);
  return p;
}

/** What is refused where web is applied in another namespace. */
const REFUSED = [
  [1, "plan", "web"],
  [1, "apply", "web", "-y"],
  [1, "destroy", "web", "-y"],
  [125, "run", "web", "--", "true"],
] as const;

/** A process in a mount namespace of its own, in which `script` was run first; it is there when this answers. */
async function resident(
  p: Project,
  script: string,
  ...unshare: readonly string[]
): Promise<Occupant & { readonly namespace: string }> {
  const flag = join(p.dir, `resident-${readdirSync(p.dir).length}`);
  const words = [
    "-m",
    ...(unshare.length === 0 ? ["--propagation", "private"] : unshare),
    "sh",
    "-ec",
    `${script}\n: > ${flag}\nexec sleep 1000`,
  ];
  const there = occupant(p, ["unshare", ...words]);
  const sleeps = (): boolean => readFileSync(`/proc/${there.pid}/cmdline`, "latin1").startsWith("sleep\0");
  await until("the other namespace is ready", () => existsSync(flag) && sleeps());
  const namespace = readlinkSync(`/proc/${there.pid}/ns/mnt`).replace(/\D/g, "");
  return { ...there, namespace };
}

const inside = (p: Project, ...rest: readonly string[]): string => p.place("web", "merged", ...rest);

/** Destroy is refused (5) and changes nothing; answers what it said. */
function refused(p: Project, verb = "destroy"): string {
  const before = mountTree(p.state);
  const { stderr } = p.ok([verb, "web", "-y"], 5);
  assert.deepEqual(mountTree(p.state), before);
  assert.ok(existsSync(p.place("web", "rw/upper")));
  assert.equal(p.read("cache/file"), "precious");
  return stderr;
}

for (const [what, target] of [
  ["below merged", "mnt"],
  ["below a volume", "var/cache/app/sub"],
] as const) {
  test(`F12 a foreign mount ${what}: destroy refuses and lists it`, machine, (t) => {
    const p = applied(t);
    const point = inside(p, target);
    mkdirSync(point, { recursive: true });
    mount("-t", "tmpfs", "strange", point);
    p.after(() => umount(point));
    writeFileSync(join(point, "theirs"), "x");
    const said = refused(p);
    assert.match(said, /tmpfs/);
    assert.ok(said.includes(`umount ${point}`), said);
    const { findings } = p.json<{ findings: { kind: string; path: string; fix: string }[] }>(["drift"], 2);
    assert.deepEqual(
      findings.map(({ kind, path, fix }) => [kind, path, fix]),
      [["foreign", point, `umount ${point}`]],
    );
    assert.equal(readFileSync(join(point, "theirs"), "utf8"), "x");
  });
}

test("F12 a foreign mount on top of merged: it is not taken for ours", machine, (t) => {
  const p = applied(t);
  const merged = inside(p);
  mount("-t", "tmpfs", "strange", merged);
  p.after(() => umount(merged));
  assert.ok(refused(p).includes(`umount ${merged}`));
});

test("F12 a precious directory bound below merged survives even when unmounting it fails", machine, (t) => {
  const p = applied(t);
  p.write("precious/file", "data");
  mount("--bind", join(p.dir, "precious"), inside(p, "mnt"));
  p.after(() => umount(inside(p, "mnt")));
  refused(p);
  // The shell script's accident: unmounting is refused, and the directory is deleted all the same.
  const before = p.mounts();
  assert.match(p.ok(["destroy", "web", "-y", "--force-lazy"], 5).stderr, /nothing was changed/);
  assert.deepEqual(p.mounts(), before);
  assert.equal(p.read("precious/file"), "data");
  assert.equal(readFileSync(inside(p, "mnt/file"), "utf8"), "data");
});

test("F12 somebody's bind of the overlay at another place stops destroy", machine, (t) => {
  const p = applied(t);
  const place = join(p.dir, "bound");
  mkdirSync(place);
  mount("--bind", inside(p), place);
  p.after(() => umount(place));
  assert.ok(refused(p).includes(place));
});

test(
  "F12 a foreign mount below the copy of ours in another namespace: destroy refuses and says where",
  machine,
  async (t) => {
    const p = applied(t);
    const other = await resident(p, `mount -t tmpfs strange ${inside(p, "mnt")}`);
    const said = refused(p);
    assert.match(said, new RegExp(`\\b${other.pid}\\b`));
    assert.match(said, new RegExp(`\\b${other.namespace}\\b`));
    await other.end();
    p.ok(["destroy", "web", "-y"]);
  },
);

test(
  "F24 a copy of our mounts in a later namespace does not hold upper after destroy",
  machine,
  async (t) => {
    const p = applied(t);
    const other = await resident(p, "true");
    const merged = inside(p);
    const copies = (): number =>
      readFileSync(`/proc/${other.pid}/mountinfo`)
        .toString()
        .split("\n")
        .filter((line) => line.includes(merged)).length;
    assert.equal(copies(), 2);
    p.ok(["destroy", "web", "-y"]);
    assert.equal(copies(), 0, "taken away there as well");
    p.ok(["apply", "web", "-y"]);
    writeFileSync(inside(p, "made"), "");
    p.ok(["destroy", "web", "-y"]);
  },
);

test("F24 a copy does not stand in the way of a replace either", machine, async (t) => {
  const p = applied(t);
  p.write("layer/l", "");
  const other = await resident(p, "true");
  p.env("web", `lowers: [../layer]\n${BODY}`);
  p.ok(["apply", "web", "-y"]);
  assert.ok(existsSync(inside(p, "l")));
  assert.doesNotMatch(readFileSync(`/proc/${other.pid}/mountinfo`).toString(), new RegExp(inside(p)));
});

test(
  "F24 under a shared mount nothing is mounted twice, and copies go from every kind of namespace",
  machine,
  async (t) => {
    const p = project(t);
    p.write("cache/file", "precious");
    mkdirSync(p.state);
    mount("-t", "tmpfs", "state", p.state);
    mount("--make-shared", p.state);
    p.after(() => {
      p.ok(["destroy", "--all", "-y"]);
      umount(p.state);
    });
    const namespaces: Occupant[] = [];
    const kinds = ["private", "slave", "shared", "unchanged"];
    for (const kind of kinds) namespaces.push(await resident(p, "true", "--propagation", kind));
    p.env("web", BODY);
    p.ok(["apply", "web", "-y"]);
    for (const kind of kinds) namespaces.push(await resident(p, "true", "--propagation", kind));
    const merged = inside(p);
    const ours = (pid: number): number =>
      readFileSync(`/proc/${pid}/mountinfo`)
        .toString()
        .split("\n")
        .filter((line) => line.includes(merged)).length;
    assert.equal(ours(process.pid), 2);
    writeFileSync(inside(p, "made"), "x");
    p.env("web", `lowers: [../cache]\n${BODY}`);
    p.ok(["apply", "web", "-y"]);
    assert.equal(ours(process.pid), 2);
    p.ok(["drift"]);
    p.ok(["destroy", "web", "-y"]);
    assert.deepEqual(
      [process, ...namespaces].map(({ pid }) => ours(pid)),
      Array(9).fill(0),
    );
    assert.deepEqual(mountTree(p.state).length, 1);
    assert.equal(p.read("cache/file"), "precious");
  },
);

test("F24 a process with its cwd in a copy is named, with its namespace", machine, async (t) => {
  const p = applied(t);
  const other = await resident(p, `cd ${inside(p, "etc")}`);
  const said = refused(p);
  assert.match(said, new RegExp(`\\b${other.pid}\\b.*\\bcwd +/etc\\b.*sleep 1000`));
  assert.match(said, new RegExp(`${other.pid} sees these mounts in a namespace of its own`));
  await other.end();
  p.ok(["destroy", "web", "-y"]);
});

test("F24 a process whose cwd is inside is named although it is in no mountinfo", machine, async (t) => {
  const p = applied(t);
  const other = await resident(p, `cd ${inside(p, "etc")}; umount -l ${inside(p)}`);
  assert.doesNotMatch(readFileSync(`/proc/${other.pid}/mountinfo`).toString(), new RegExp(inside(p)));
  const said = refused(p);
  assert.match(said, new RegExp(`\\b${other.pid}\\b.*\\bcwd +/etc\\b.*sleep 1000`));
  await other.end();
  p.ok(["destroy", "web", "-y"]);
});

test(
  "F24 a file open inside is named, and what the environment's own processes hold is not in the way",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 20 }\n");
    p.ok(["apply", "web", "-y"]);
    await running(p, ["run", "web", "--", "sh", "-c", "exec 3> /tmp/open; cd /tmp; echo up; sleep 1000"]);
    writeFileSync(inside(p, "log"), "");
    const tail = occupant(p, ["sh", "-c", `exec 3< ${inside(p, "log")}; exec sleep 1000`]);
    await until(
      "it is open",
      () => existsSync(`/proc/${tail.pid}/fd/3`) && readlinkSync(`/proc/${tail.pid}/exe`).endsWith("sleep"),
    );
    const { stderr } = p.ok(["destroy", "web", "-y"], 5);
    assert.match(stderr, new RegExp(`\\b${tail.pid}\\b.*\\bfile +/log\\b`));
    await tail.end();
    p.ok(["destroy", "web", "-y"]);
  },
);

test(
  "F22 applied in another, living mount namespace: refused with a sentence that says where; when it is gone, rebuilt",
  machine,
  async (t) => {
    const p = project(t);
    p.env("web", BODY);
    p.write("cache/file", "precious");
    const other = await resident(p, "true");
    const there = { before: ["nsenter", "-t", `${other.pid}`, "-m"] };
    p.ok(["-C", p.dir, "apply", "web", "-y"], 0, there);
    p.ok(["-C", p.dir, "run", "web", "--", "touch", "/made"], 0, there);
    assert.deepEqual(p.mounts(), []);
    for (const [exit, ...args] of REFUSED) {
      const said = p.ok(args, exit).stderr.replace(/\s+/g, " ");
      assert.match(said, /web is applied in another mount namespace/, args.join(" "));
      assert.match(
        said,
        new RegExp(`namespace ${other.namespace}\\b.*process ${other.pid} \\(sleep 1000\\)`),
      );
      assert.ok(said.includes(`nsenter -t ${other.pid} -m envctl -C ${p.dir} `), said);
    }
    assert.deepEqual(p.mounts(), []);
    assert.match(p.ok(["ls"]).stdout, /elsewhere/);
    p.ok(["-C", p.dir, "drift"], 0, there);

    await other.end();
    p.ok(["apply", "web", "-y"]);
    assert.equal(p.mounts().length, 2);
    assert.ok(existsSync(inside(p, "made")), "what was written there is still here");
    p.ok(["drift"]);
  },
);

test(
  "F22 applied on the host: a pid namespace that sees nothing of it is refused all the same",
  // In a container nothing tells its own namespace from one that is gone.
  needs("root", "overlay", "mounts", "program:nsenter", "hostpids"),
  (t) => {
    const p = applied(t);
    const before = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];
    for (const [exit, ...args] of REFUSED) {
      const said = p.ok(args, exit, { before }).stderr.replace(/\s+/g, " ");
      assert.match(
        said,
        /web is applied in another mount namespace .*of the host, whose processes/,
        args.join(" "),
      );
    }
    assert.match(p.ok(["ls"], 0, { before }).stdout, /elsewhere/);
    p.ok(["run", "--rm", "web", "--", "true"], 0, { before });
    p.ok(["drift"]);
    assert.equal(p.mounts().length, 2);
  },
);

/**
 * A namespace that a bind mount keeps. The kernel takes only those that are younger than the one it is mounted in (mnt_ns_loop), and
 * tells by numbers that each processor draws from a range of its own: one made on another processor may look older.
 */
async function keptAt(p: Project, keep: string): Promise<Awaited<ReturnType<typeof resident>>> {
  for (let tries = 1; ; tries++) {
    const other = await resident(p, "true");
    try {
      mount("--bind", `/proc/${other.pid}/ns/mnt`, keep);
      return other;
    } catch (error) {
      if (tries === 50) throw error;
      await other.end();
    }
  }
}

test("F22 a namespace without processes that a bind mount keeps is living too", machine, async (t) => {
  const p = project(t);
  p.env("web");
  const keep = join(p.dir, "keep");
  writeFileSync(keep, "");
  const other = await keptAt(p, keep);
  p.ok(["-C", p.dir, "apply", "web", "-y"], 0, { before: ["nsenter", "-t", `${other.pid}`, "-m"] });
  let kept = true;
  p.after(() => {
    if (kept) umount(keep);
  });
  await other.end();
  const said = p.ok(["apply", "web", "-y"], 1).stderr.replace(/\s+/g, " ");
  assert.ok(said.includes(other.namespace) && said.includes(keep), said);
  umount(keep);
  kept = false;
  p.ok(["destroy", "web", "-y"]);
  assert.deepEqual(readdirSync(join(p.state, "envs")), []);
});
