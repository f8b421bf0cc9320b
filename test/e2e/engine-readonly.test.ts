// Commands that only look change nothing, whatever they find: every system call they make is looked at (rows F1 and F28).
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { mount, umount } from "#test/by-hand";
import { controlFile } from "#test/cgroup";
import { guard } from "#test/guard";
import { mountTree } from "#test/mount-tree";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { mutations, trace } from "#test/strace";
import { tree } from "#test/tree";

guard();

const machine = needs("root", "overlay", "program:strace", "cgroup:memory", "cgroup:pids");

const BODY = `volumes: ["../src:/work:ro", "../cache:/var/cache/app"]
tmpfs: [{ target: /tmp, size: 1MiB, mode: 1777 }]
limits: { memory: 64MiB, pids: 64 }
entry: { command: [make, test], env: [TOKEN] }
`;

function declared(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  for (const dir of ["src", "layer"]) p.write(`${dir}/file`, "");
  p.env("web", BODY);
  return p;
}

function applied(t: Parameters<typeof project>[0]): Project {
  const p = declared(t);
  p.ok(["apply", "web", "-y"]);
  return p;
}

/** All of STATE with its times, what is mounted in it by number, and its groups. */
function everything(p: Project): unknown {
  if (!existsSync(p.state)) return "no STATE";
  return {
    state: tree(p.state, { times: true, root: true }),
    mounts: mountTree(p.state),
    groups: p.cgroups(),
  };
}

/** Each traced: no call that may change something, and nothing changed. Exit codes are given, since a command that fails early makes few calls. */
function looksOnly(p: Project, commands: readonly (readonly [code: number, ...args: string[]])[]): void {
  const before = everything(p);
  for (const [code, ...args] of commands) {
    const { result, calls } = trace(p, args, { env: { TOKEN: "t0ken" } });
    assert.equal(result.code, code, `envctl ${args.join(" ")}\n${result.stdout}${result.stderr}`);
    assert.deepEqual(mutations(calls), [], `envctl ${args.join(" ")}`);
    assert.deepEqual(everything(p), before, `envctl ${args.join(" ")}`);
  }
}

test("F1 plan changes nothing", machine, (t) => {
  const p = applied(t);
  p.env(
    "web",
    `lowers: [../layer]\n${BODY.replace("64MiB", "96MiB").replace(":ro", ":rw").replace("../cache", "../made")}`,
  );
  looksOnly(p, [
    [0, "plan"],
    [2, "plan", "web", "--detailed-exitcode", "-v"],
    [0, "plan", "--json"],
    [0, "plan", "--destroy"],
  ]);
  assert.ok(!existsSync(join(p.dir, "made")));
});

test("F1 the trace sees what an apply does", machine, (t) => {
  const p = declared(t);
  const { result, calls } = trace(p, ["apply", "web", "-y"]);
  assert.equal(result.code, 0, result.stderr);
  const seen = new Set(mutations(calls).map((line) => line.slice(0, line.indexOf("("))));
  for (const call of ["mkdirat", "openat", "write", "rename", "move_mount", "flock", "unshare"]) {
    assert.ok(seen.has(call), `${call} is missing in ${[...seen].join(" ")}`);
  }
});

const looks: readonly (readonly [code: number, ...args: string[]])[] = [
  [0, "validate"],
  [0, "plan"],
  [0, "plan", "--destroy", "--json"],
  [0, "ps"],
];

test("F28 with no STATE nothing is made, not by mistakes either", machine, (t) => {
  const p = declared(t);
  p.write("wrong/bad.yaml", "version: 1\nname: bad\nrootfs: ../nowhere\nlimits: { memory: 256 megs }\n");
  looksOnly(p, [
    ...looks,
    [0, "drift"],
    [0, "ls"],
    [1, "show", "web"],
    [0, "--help"],
    [0, "apply", "--help"],
    [0, "--version"],
    [3, "validate", "wrong/bad.yaml"],
    [3, "plan", "wrong"],
    [3, "plan", "nobody"],
    [3, "plan", "--bogus"],
    [3, "bogus"],
    [3, "show"],
  ]);
  assert.ok(!existsSync(p.state));
});

test("F28 with nothing applied", machine, (t) => {
  const p = applied(t);
  p.ok(["destroy", "web", "-y"]);
  looksOnly(p, [...looks, [0, "drift"], [0, "ls"], [1, "show", "web"]]);
});

test("F28 applied", machine, (t) => {
  const p = applied(t);
  p.ok(["run", "-d", "web", "--", "echo", "said"]);
  p.ok(["wait", "web"]);
  looksOnly(p, [
    [0, "logs", "-f", "web"],
    [3, "logs", "web/7"],
    [0, "ps", "--json"],
    ...looks,
    [0, "drift"],
    [0, "drift", "web", "--json"],
    [0, "ls", "--json"],
    [0, "show", "web"],
  ]);
});

test("F28 drifted", machine, (t) => {
  const p = applied(t);
  umount(p.place("web", "merged/work"));
  mount("-t", "tmpfs", "strange", p.place("web", "merged/mnt"));
  p.after(() => umount(p.place("web", "merged/mnt")));
  writeFileSync(controlFile(p, "web", "pids"), "32");
  rmSync(join(p.dir, "cache"), { recursive: true });
  looksOnly(p, [...looks, [2, "drift"], [2, "drift", "--json"], [0, "ls"], [0, "show", "web"]]);
});

test("F28 orphaned", machine, (t) => {
  const p = applied(t);
  rmSync(join(p.dir, "envs/web.yaml"));
  looksOnly(p, [
    [3, "plan"],
    [3, "plan", "web"],
    [0, "plan", "--destroy", "web"],
    [2, "drift"],
    [0, "ls"],
    [0, "show", "web"],
  ]);
});

test("F28 with a record that cannot be read", machine, (t) => {
  const p = applied(t);
  const record = p.place("web", "env.json");
  const text = p.read(`state/envs/${p.id("web")}/env.json`);
  p.after(() => writeFileSync(record, text));
  writeFileSync(record, text.slice(0, 700));
  looksOnly(p, [
    [0, "validate"],
    [1, "plan"],
    [1, "plan", "--destroy"],
    [2, "drift"],
    [0, "ls"],
    [1, "show", "web"],
  ]);
});
