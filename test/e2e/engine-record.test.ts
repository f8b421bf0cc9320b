// Records that are damaged, newer, copied, edited or gone: refused, left as they are, and there is a way out (row F13).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { crc32 } from "node:zlib";
import { mount, umount } from "#test/by-hand";
import { hierarchy } from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

function applied(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  p.write("cache/file", "precious");
  p.env("web", 'volumes: ["../cache:/cache"]\nlimits: { pids: 20 }\n');
  p.ok(["apply", "web", "-y"]);
  writeFileSync(p.place("web", "merged/made"), "inside");
  return p;
}

type Json = Record<string, unknown>;

/** The record with something else in it and a checksum that fits: what somebody could do who read the code. */
function forged(text: string, change: (record: Json) => void): string {
  const { checksum: _, ...record } = JSON.parse(text) as Json;
  change(record);
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([k, v]) => [k, sorted(v)]),
          )
        : value;
  const body = sorted(record);
  const checksum = crc32(JSON.stringify(body)).toString(16).padStart(8, "0");
  return JSON.stringify({ checksum, ...(body as Json) });
}

const broken: readonly (readonly [what: string, make: (text: string) => string, says: RegExp])[] = [
  ["empty", () => "", /it is empty/],
  ["truncated", (text) => text.slice(0, text.length / 2), /it is no JSON/],
  ["with a byte changed", (text) => text.replace('"pids"', '"pidz"'), /its checksum does not match/],
  ["newer", (text) => text.replace("envctl.record/1", "envctl.record/9"), /written by a newer envctl/],
  [
    "of another state directory",
    (text) => forged(text, (r) => (r["lineage"] = "0badcafe")),
    /another state directory/,
  ],
  [
    "of another environment",
    (text) => forged(text, (r) => (r["id"] = "api-01234567")),
    /it is the record of api-01234567/,
  ],
  [
    "with a path that goes up",
    (text) =>
      forged(
        text,
        (r) => ((r["mounts"] as Json)["web.overlay"] = { id: "1", dev: "0:1", point: "/a/../etc" }),
      ),
    /not an absolute path/,
  ],
];

for (const [what, make, says] of broken) {
  test(`F13 a record ${what} is refused, untouched, and a way out is said`, machine, (t) => {
    const p = applied(t);
    const [record, id] = [p.place("web", "env.json"), p.id("web")];
    const text = readFileSync(record, "utf8");
    writeFileSync(record, make(text));
    p.after(() => writeFileSync(record, text));
    const everything = (): unknown => [
      tree(p.place("web"), { times: true }),
      mountTree(p.state),
      p.cgroups(),
    ];
    const before = everything();
    for (const [exit, ...args] of [
      [1, "plan", "web"],
      [1, "apply", "web", "-y"],
      [1, "destroy", "web", "-y"],
      [1, "destroy", id, "-y"],
      [125, "run", "web", "--", "true"],
      [1, "show", "web"],
    ] as const) {
      const said = p.ok(args, exit).stderr.replace(/\s+/g, " ");
      assert.match(said, says, args.join(" "));
    }
    const { findings } = p.json<{ findings: { kind: string; env: string; detail: string; fix: string }[] }>(
      ["drift"],
      2,
    );
    assert.deepEqual(
      findings.map(({ kind, env }) => [kind, env]),
      [["leftover", id]],
    );
    assert.match(findings[0]!.detail, says);
    if (what !== "newer") assert.ok(findings[0]!.fix.includes(`envctl destroy ${id}`), findings[0]!.fix);
    assert.match(p.ok(["ls"]).stdout, /unreadable/);
    assert.deepEqual(everything(), before);
  });
}

test(
  "F13 the way out: with the record set aside destroy takes away what is proven, and asks for the rest",
  machine,
  (t) => {
    const p = applied(t);
    const [record, id, merged] = [p.place("web", "env.json"), p.id("web"), p.place("web", "merged")];
    writeFileSync(record, readFileSync(record, "utf8").slice(0, 500));
    const { findings } = p.json<{ findings: { fix: string }[] }>(["drift"], 2);
    const [, from, to] = /^mv (\S+) (\S+) && envctl destroy/.exec(findings[0]!.fix) ?? [];
    execFileSync("mv", [from!, to!]);
    // A new apply would mount upper a second time.
    assert.match(p.ok(["apply", "web", "-y"], 1).stderr.replace(/\s+/g, " "), new RegExp(`destroy ${id}`));
    // Nothing proves that the volume is ours.
    const said = p.ok(["destroy", id, "-y"], 5).stderr;
    assert.ok(said.includes(`umount ${merged}/cache`), said);
    assert.equal(p.mounts().length, 2);
    umount(join(merged, "cache"));
    assert.match(
      p.ok(["destroy", id], 3).stderr,
      /-y is required/,
      "what was written inside goes: asked first",
    );
    assert.match(p.ok(["plan", "--destroy", id]).stdout, /upper +deleted +1 changed path, 6 B/);
    p.ok(["destroy", id, "-y"]);
    assert.deepEqual([p.mounts(), p.cgroups(), readdirSync(join(p.state, "envs"))], [[], [], []]);
    assert.equal(p.read("cache/file"), "precious");
    p.ok(["apply", "web", "-y"]);
  },
);

test("F13 without a record nothing is deleted that an apply does not make", machine, (t) => {
  const p = applied(t);
  const [record, id] = [p.place("web", "env.json"), p.id("web")];
  const text = readFileSync(record, "utf8");
  renameSync(record, `${record}.mine`);
  p.after(() => {
    rmSync(`${record}.mine`, { force: true });
    writeFileSync(record, text);
  });
  const before = tree(p.place("web"));
  assert.match(p.ok(["destroy", id, "-y"], 1).stderr, /env\.json\.mine/);
  assert.match(p.ok(["destroy", "--all", "-y", "--keep-upper"], 1).stderr, /env\.json\.mine/);
  assert.deepEqual(tree(p.place("web")), before);
});

/** A record whose paths lead elsewhere must not make envctl touch that. */
test("F13 a record forged to point elsewhere makes envctl unmount and delete nothing there", machine, (t) => {
  const p = applied(t);
  const record = p.place("web", "env.json");
  let text = readFileSync(record, "utf8");
  p.after(() => writeFileSync(record, text));
  const victim = join(p.dir, "victim");
  mkdirSync(victim);
  mount("-t", "tmpfs", "victim", victim);
  p.after(() => umount(victim));
  writeFileSync(join(victim, "file"), "precious");
  const [, dev = ""] =
    / (\d+:\d+) \/ .*tmpfs victim/.exec(readFileSync("/proc/self/mountinfo").toString()) ?? [];
  const [{ id = "" } = {}] = mountTree(victim);
  const group = join(hierarchy("pids").point, `envctl-${p.lineage()}-victim`);
  mkdirSync(group);
  p.after(() => rmdirSync(group));
  for (const change of [
    (r: Json): void => {
      const mounts = r["mounts"] as Record<string, Json>;
      for (const address of Object.keys(mounts)) mounts[address] = { id, dev, point: victim };
    },
    (r: Json): void => {
      for (const resource of r["resources"] as Json[]) {
        if (resource["kind"] === "volume")
          Object.assign(resource, {
            target: "/../../../../victim",
            path: victim,
            create: { dirs: [victim], owner: { mode: 0o755, uid: 0, gid: 0 } },
          });
      }
    },
    (r: Json): void =>
      void (r["cgroups"] = [
        { dir: group, version: 1, controllers: ["pids"] },
        { dir: p.dir, version: 1, controllers: ["pids"] },
      ]),
  ]) {
    writeFileSync(record, forged(text, change));
    for (const args of [
      ["apply", "web", "-y"],
      ["destroy", "web", "-y"],
    ]) {
      p.run(args);
      assert.equal(readFileSync(join(victim, "file"), "utf8"), "precious");
      assert.equal(mountTree(victim).length, 1);
      assert.ok(existsSync(group) && existsSync(join(p.dir, "rootfs/bin/busybox")));
      assert.equal(p.read("cache/file"), "precious");
    }
    // What a lie left is put right by hand.
    for (const { point } of mountTree(join(p.state, "envs")).filter((m) => m.point.endsWith("/cache")))
      umount(point);
    if (existsSync(record)) writeFileSync(record, text);
    p.ok(["destroy", "web", "-y"]);
    p.ok(["apply", "web", "-y"]);
    text = readFileSync(record, "utf8");
    writeFileSync(
      record,
      forged(text, () => undefined),
    );
    p.ok(["drift"]);
  }
});

test("F13 a record that others could have written is not believed", machine, (t) => {
  const p = applied(t);
  const record = p.place("web", "env.json");
  const cases: readonly (readonly [what: string, spoil: () => void, mend: () => void, says: RegExp])[] = [
    [
      "writable by all",
      () => chmodSync(record, 0o666),
      () => chmodSync(record, 0o600),
      /can be written by others/,
    ],
    [
      "of another user",
      () => chownSync(record, 1000, 1000),
      () => chownSync(record, 0, 0),
      /belongs to user 1000/,
    ],
    [
      "in a directory of another user",
      () => chownSync(p.place("web"), 1000, 0),
      () => chownSync(p.place("web"), 0, 0),
      /belongs to user 1000/,
    ],
    [
      "a symlink",
      () => (renameSync(record, `${record}.real`), symlinkSync(`${record}.real`, record)),
      () => renameSync(`${record}.real`, record),
      /is a symlink/,
    ],
  ];
  for (const [what, spoil, mend, says] of cases) {
    spoil();
    try {
      for (const verb of ["apply", "destroy"])
        assert.match(p.ok([verb, "web", "-y"], 1).stderr.replace(/\s+/g, " "), says, what);
      assert.equal(p.mounts().length, 2);
    } finally {
      mend();
    }
  }
  p.ok(["drift"]);
});

test("F13 a state directory copied elsewhere does not unmount the original's", machine, (t) => {
  const p = applied(t);
  const copy = join(p.dir, "copy");
  mkdirSync(copy);
  for (const name of ["lineage", "locks", "layers", "README"])
    cpSync(join(p.state, name), join(copy, name), { recursive: true });
  mkdirSync(join(copy, "envs", p.id("web")), { recursive: true });
  for (const dir of ["", "envs", "locks", "layers", `envs/${p.id("web")}`]) chmodSync(join(copy, dir), 0o700);
  cpSync(p.place("web", "env.json"), join(copy, "envs", p.id("web"), "env.json"));
  const before = mountTree(p.state);
  p.run(["destroy", "web", "-y", "--state-dir", copy]);
  assert.deepEqual(mountTree(p.state), before);
  assert.equal(readFileSync(p.place("web", "merged/made"), "utf8"), "inside");
});

test(
  "F13 one refused record stops neither the plan of the others nor what is wrong with their files",
  machine,
  (t) => {
    const p = applied(t);
    p.env("alone");
    const record = p.place("web", "env.json");
    const text = readFileSync(record, "utf8");
    p.after(() => writeFileSync(record, text));
    writeFileSync(record, text.slice(0, 500));
    const { stdout, stderr } = p.ok(["plan", "--out", "all.plan"], 1);
    assert.match(stdout, /^alone .*\n[^]*Plan: 1 to create/);
    assert.match(stderr, /the record of web-[^]*envctl: all\.plan was not written\n$/);
    assert.ok(!p.exists("all.plan"));
    const { diagnostics } = p.json<{ diagnostics: { code: string }[] }>(["plan"], 1);
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      ["bad_record"],
    );
    p.ok(["apply", "alone", "-y"]);
    assert.match(p.ok(["plan", "--destroy"], 1).stdout, /^alone [^]*Plan: .* 1 to delete/);
    p.env("wrong", "nonsense: 1\n");
    assert.match(p.ok(["plan", "web", "wrong"], 3).stderr, /unknown key "nonsense"/);
  },
);
