// Rows B7 and B11: a machine whose mounts are shared, as systemd makes them, with namespaces that receive what is mounted there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { guard } from "#test/guard";
import { type MountNamespace, namespace } from "#test/namespace";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project, type Result } from "#test/project";
import { paths } from "#test/tree";

guard();

const NEEDS = ["root", "overlay", "mounts", "program:unshare", "program:nsenter"] as const;
const VOLUMES =
  "volumes: [../src:/work, ../data:/work/data:ro]\ntmpfs: [{ target: /scratch }]\nlimits: { pids: 50 }\n";

/** The built command in a namespace. */
function envctl(p: Project, ns: MountNamespace, args: readonly string[], code = 0): Result {
  return p.ok(["-C", p.dir, ...args], code, { before: ns.enter });
}

/** A shell command in a namespace. */
function sh(ns: MountNamespace, script: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(
    ns.enter[0]!,
    [...ns.enter.slice(1), "sh", "-ec", script, "sh", ...args],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
}

function begin(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("src/file", "x");
  p.write("data/file", "y");
  mkdirSync(join(p.dir, "src/data"));
  // Whoever may mount inside shows that the namespace holds; without it nobody could try.
  p.env("web", `${VOLUMES}entry: { capabilities: { add: [SYS_ADMIN] } }\n`);
  return p;
}

/** What is mounted below the project, without what the kernel numbers. */
const seen = (p: Project, ns: MountNamespace): readonly string[] =>
  ns.mountsBelow(p.dir).map((m) => m.line.replace(/ \d+:\d+$/, ""));
/** The lines of the mount table themselves, ids and propagation included: what is below the project, and what an entry mounted wherever. */
const table = (p: Project, ns: MountNamespace): readonly string[] =>
  readFileSync(`/proc/${ns.pid}/mountinfo`)
    .toString()
    .split("\n")
    .filter((line) => line.includes(p.dir) || line.includes(" - tmpfs inner "));

for (const kind of [["run"], ["run", "--rm"]] as const) {
  test(
    `B7 ${kind.join(" ")} under an rshared parent: nothing mounted or unmounted inside reaches the host, its peers or its slaves`,
    needs(...NEEDS),
    async (t) => {
      const p = begin(t);
      const host = await namespace(p, "shared");
      const early = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
      envctl(p, host, ["apply", "-y", "web"]);
      const late = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
      const all = [host, ...early, ...late];
      const before = all.map((ns) => table(p, ns));
      const script =
        "mount -t tmpfs inner /mnt && mount -o bind /work /root && mount -t tmpfs inner /work && umount /scratch && " +
        "umount /work && touch /work/ready && while [ ! -e /work/go ]; do sleep 0.02; done; grep -c inner /proc/self/mountinfo >/work/count";
      const child = p.start(["-C", p.dir, ...kind, "web", "--", "sh", "-c", script], {
        before: host.enter,
        stdio: "ignore",
      });
      const ended = once(child, "exit");
      await until("the entry has mounted", () => p.exists("src/ready") || child.exitCode !== null);
      for (const [i, ns] of all.entries())
        assert.deepEqual(table(p, ns), before[i], `namespace ${i} while it runs`);
      p.write("src/go", "");
      assert.deepEqual(await ended, [0, null]);
      assert.equal(p.read("src/count"), "1\n", "inside, the mount was there");
      for (const [i, ns] of all.entries())
        assert.deepEqual(table(p, ns), before[i], `namespace ${i} afterwards`);
      envctl(p, host, ["destroy", "-y", "web"]);
      for (const ns of all) assert.deepEqual(seen(p, ns), []);
    },
  );
}

test(
  "B7 what apply mounts is not multiplied into the namespaces that were there before",
  needs(...NEEDS),
  async (t) => {
    const p = begin(t);
    const host = await namespace(p, "shared");
    const early = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
    envctl(p, host, ["apply", "-y", "web"]);
    const place = p.place("web");
    const points = (ns: MountNamespace): readonly string[] =>
      ns.mountsBelow(p.dir).map((m) => m.point.slice(place.length));
    assert.deepEqual(points(host), ["", "/merged", "/merged/scratch", "/merged/work", "/merged/work/data"]);
    // Its own directory is bound to itself, which is all that others see.
    for (const ns of early) assert.deepEqual(points(ns), [""]);
    envctl(p, host, ["destroy", "-y", "web"]);
    for (const ns of [host, ...early]) assert.deepEqual(seen(p, ns), []);
  },
);

/** Everything from the first apply to destroy, between namespaces that were there before and ones made after. */
async function wholeLife(p: Project, host: MountNamespace): Promise<void> {
  const early = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
  const began = [host, ...early].map((ns) => seen(p, ns));
  envctl(p, host, ["apply", "-y", "web"]);
  const late = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
  assert.match(envctl(p, host, ["plan"]).stdout, /No changes/);
  envctl(p, host, ["drift"]);
  for (const kind of [["run"], ["run", "--rm"]]) {
    assert.equal(
      envctl(p, host, [
        ...kind,
        "web",
        "--",
        "sh",
        "-c",
        "touch /work/by-$$; cat /work/data/file; ls /.. | wc -l",
      ]).stdout,
      "y12\n",
    );
  }
  // A volume less and one more in the living overlay, then another overlay.
  p.env("web", "volumes: [../src:/work, ../data:/more]\nlimits: { pids: 50 }\n");
  envctl(p, host, ["apply", "-y", "web"]);
  assert.equal(
    envctl(p, host, ["run", "web", "--", "sh", "-c", "ls /work/data; cat /more/file; echo mine >/written"])
      .stdout,
    "y",
  );
  p.env("web", `lowers: [../data]\n${VOLUMES}`);
  envctl(p, host, ["apply", "-y", "web"]);
  assert.equal(
    envctl(p, host, ["run", "web", "--", "cat", "/file", "/work/data/file", "/written"]).stdout,
    "yymine\n",
  );
  envctl(p, host, ["drift"]);
  for (const how of ["slave", "peer", "private"] as const) late.push(await namespace(p, how, host));
  envctl(p, host, ["destroy", "-y", "web"]);
  for (const [i, ns] of [host, ...early].entries()) assert.deepEqual(seen(p, ns), began[i], `namespace ${i}`);
  for (const ns of late) assert.deepEqual(seen(p, ns), began[0], "a namespace made meanwhile");
  assert.deepEqual(paths(join(p.state, "envs")), []);
}

test("B11 with a shared root everything works, twice", needs(...NEEDS), async (t) => {
  const p = begin(t);
  const host = await namespace(p, "shared");
  await wholeLife(p, host);
  p.env("web", VOLUMES);
  envctl(p, host, ["run", "web", "--", "test", "-e", "/written"], 1);
  envctl(p, host, ["destroy", "-y", "web"]);
  assert.deepEqual(seen(p, host), []);
});

test("B11 with a state directory that is a shared mount of its own", needs(...NEEDS), async (t) => {
  const p = begin(t);
  const host = await namespace(p, "shared");
  mkdirSync(p.state, { mode: 0o700 });
  sh(host, 'mount -t tmpfs -o mode=700 state "$1" && mount --make-shared "$1"', p.state);
  // The directory is seen from inside that namespace alone.
  const there = Object.create(p, { state: { value: `/proc/${host.pid}/root${p.state}` } }) as Project;
  assert.deepEqual(paths(there.state), []);
  envctl(p, host, ["apply", "-y", "web"]);
  const late = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
  assert.equal(envctl(p, host, ["run", "web", "--", "cat", "/work/data/file"]).stdout, "y");
  envctl(p, host, ["drift"]);
  envctl(p, host, ["destroy", "-y", "web"]);
  for (const ns of [host, ...late])
    assert.deepEqual(
      ns.mountsBelow(p.dir).map((m) => m.point),
      [p.state],
    );
  const left = paths(there.state).filter((path) => !path.startsWith("cache/"));
  assert.deepEqual(left, ["README", "cache", "envs", "layers", "lineage", "locks"]);
});

test(
  "B11 made shared only after apply: no drift, and destroy reaches the copies",
  needs(...NEEDS),
  async (t) => {
    const p = begin(t);
    const host = await namespace(p, "private");
    envctl(p, host, ["apply", "-y", "web"]);
    sh(host, "mount --make-rshared /");
    const late = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
    assert.match(envctl(p, host, ["plan"]).stdout, /No changes/);
    envctl(p, host, ["drift"]);
    assert.equal(envctl(p, host, ["run", "web", "--", "cat", "/work/data/file"]).stdout, "y");
    p.env("web", `lowers: [../data]\n${VOLUMES}`);
    envctl(p, host, ["apply", "-y", "web"]);
    envctl(p, host, ["destroy", "-y", "web"]);
    for (const ns of [host, ...late]) assert.deepEqual(seen(p, ns), []);
    assert.deepEqual(paths(join(p.state, "envs")), []);
  },
);

test(
  "B11 made shared only after apply: what was written to a tmpfs upper survives another overlay",
  needs(...NEEDS),
  async (t) => {
    const p = begin(t);
    const host = await namespace(p, "private");
    const upper = "overlay: { upper: { tmpfs: 4MiB } }\n";
    p.env("web", `${upper}${VOLUMES}`);
    envctl(p, host, ["run", "web", "--", "touch", "/written"]);
    sh(host, "mount --make-rshared /");
    const late = await namespace(p, "slave", host);
    p.env("web", `lowers: [../data]\n${upper}${VOLUMES}`);
    envctl(p, host, ["apply", "-y", "web"]);
    envctl(p, host, ["run", "web", "--", "test", "-e", "/written"]);
    envctl(p, host, ["destroy", "-y", "web"]);
    for (const ns of [host, late]) assert.deepEqual(seen(p, ns), []);
  },
);

test(
  "B11 no longer shared after apply: copies in namespaces made meanwhile go, too",
  needs(...NEEDS),
  async (t) => {
    const p = begin(t);
    const host = await namespace(p, "shared");
    const early = await namespace(p, "slave", host);
    envctl(p, host, ["apply", "-y", "web"]);
    const late = [await namespace(p, "peer", host), await namespace(p, "slave", host)];
    sh(host, "mount --make-rprivate /");
    assert.match(envctl(p, host, ["plan"]).stdout, /No changes/);
    envctl(p, host, ["run", "web", "--", "touch", "/written"]);
    envctl(p, host, ["destroy", "-y", "web"]);
    for (const ns of [host, early, ...late]) assert.deepEqual(seen(p, ns), []);
    assert.deepEqual(paths(join(p.state, "envs")), []);
  },
);

test(
  "B11 a rollback under a shared parent leaves nothing, there or in others",
  needs(...NEEDS),
  async (t) => {
    const p = begin(t);
    const host = await namespace(p, "shared");
    const all = [host, await namespace(p, "peer", host), await namespace(p, "slave", host)];
    const before = all.map((ns) => seen(p, ns));
    p.env("web", "volumes: [../src:/work, ../data:/bin/busybox/below]\n");
    envctl(p, host, ["apply", "-y", "web"], 1);
    for (const [i, ns] of all.entries()) assert.deepEqual(seen(p, ns), before[i]);
    assert.deepEqual(paths(join(p.state, "envs")), []);
    writeFileSync(join(p.dir, "envs/web.yaml"), "version: 1\nname: web\nrootfs: ../rootfs\n");
    envctl(p, host, ["apply", "-y", "web"]);
    envctl(p, host, ["destroy", "-y", "web"]);
  },
);
