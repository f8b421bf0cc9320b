// Under systemd itself: what it delegates is found out, and what becomes of it when the unit ends.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { hierarchy } from "#test/cgroup";
import { guard } from "#test/guard";
import { account, type Need, needs } from "#test/needs";
import { until } from "#test/occupant";
import { project, type Project } from "#test/project";

guard();

const NEEDS: readonly Need[] = [
  ...(["root", "overlay", "systemd", "program:systemd-run"] as const),
  ...(["cgroup2:memory", "cgroup2:pids"] as const),
];
const machine = needs(...NEEDS);
const withUser = needs(...NEEDS, "userns", "account");
const LIMITS = "limits: { memory: 64MiB, pids: 20 }\n";

let units = 0;
const unitName = (): string => `envctl-test-${process.pid}-${++units}`;

/** Starts the command in a transient scope of that name. */
const inScope = (name: string, ...more: readonly string[]): readonly string[] => [
  "systemd-run",
  "--quiet",
  "--scope",
  `--unit=${name}`,
  ...more,
];
const slice = (): string => join(hierarchy("memory").point, "system.slice");
const ours = (dir: string): readonly string[] =>
  readdirSync(dir).filter((name) => name.startsWith("envctl-"));
const file = (...path: readonly string[]): string => readFileSync(join(...path), "utf8").trim();

test(
  "E3 in a scope that systemd delegated limits are set; it takes them along, and apply makes them anew",
  machine,
  async (t) => {
    const p = project(t);
    const name = unitName();
    const scope = join(slice(), `${name}.scope`);
    p.env("web", LIMITS);
    const before = inScope(name, "-p", "Delegate=yes");
    // The scope lives as long as this run does.
    p.ok(["run", "-d", "web", "-y", "--", "sleep", "1000"], 0, { before });
    const group = join(scope, `envctl-${p.lineage()}`, p.id("web"));
    assert.deepEqual([file(group, "memory.max"), file(group, "pids.max")], ["67108864", "20"]);
    assert.deepEqual(p.cgroups(), [], "and none below the root");
    assert.match(p.ok(["plan", "web"]).stdout, /No changes/, "seen from outside, too");
    assert.equal(p.ok(["exec", "web", "--", "echo", "in"]).stdout, "in\n");

    p.ok(["stop", "web/1"]);
    p.ok(["rm", "web/1"]);
    await until("the scope ended with its last process", () => !existsSync(scope));
    assert.match(p.ok(["drift"], 2).stdout, /limit/);
    p.ok(["apply", "web", "-y"]);
    assert.equal(p.cgroups().filter((dir) => dir.endsWith(p.id("web"))).length, 1, "below the root");
    p.ok(["drift"]);
  },
);

test(
  "E3 a scope that was not delegated is left alone: groups are made below the root, and outlive it",
  machine,
  async (t) => {
    const p = project(t);
    const name = unitName();
    p.env("web", LIMITS);
    p.ok(["apply", "web", "-y"], 0, { before: inScope(name) });
    await until("the scope ended", () => !existsSync(join(slice(), `${name}.scope`)));
    const [group = ""] = p.cgroups().filter((dir) => dir.endsWith(p.id("web")));
    assert.equal(file(group, "memory.max"), "67108864");
    execFileSync("systemctl", ["daemon-reload"]);
    p.ok(["drift"]);
    p.ok(["run", "web", "--", "true"]);
  },
);

/** Runs the command in a service of an ordinary user's; its output goes into a file. */
function inService(
  p: Project,
  user: { uid: number; gid: number },
  ...more: readonly string[]
): readonly string[] {
  const properties = [
    "Type=oneshot",
    `User=${user.uid}`,
    `Group=${user.gid}`,
    `WorkingDirectory=${p.dir}`,
    `StandardOutput=append:${p.dir}/said`,
    `StandardError=append:${p.dir}/said`,
    `Environment=ENVCTL_STATE_DIR=${p.dir}/theirs HOME=${p.dir} NO_COLOR=1`,
    ...more,
  ];
  const words = ["systemd-run", "--quiet", "--collect", `--unit=${unitName()}`];
  return [...words, ...properties.flatMap((property) => ["-p", property])];
}

test(
  "E11 E13 an ordinary user's limits hold in a service that was delegated, and are refused in another",
  withUser,
  (t) => {
    const p = project(t);
    const user = account()!;
    p.env("web", "limits: { memory: 32MiB, swap: 0, pids: 20 }\n");
    execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, p.dir]);
    const run = ["run", "--rm", "--strict-limits", "web", "--"];
    const greedy = [...run, "dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"];
    assert.notEqual(p.run(greedy, { before: inService(p, user, "Delegate=yes") }).code, 0);
    assert.match(p.read("said"), /envctl: killed by the kernel: out of memory\n {2}limit {3}32 MiB, no swap/);
    p.ok([...run, "true"], 0, { before: inService(p, user, "Delegate=yes") });
    assert.notEqual(p.run([...run, "true"], { before: inService(p, user) }).code, 0);
    assert.match(p.read("said"), /no cgroup with the memory controller\s+belongs to this user/);
    assert.deepEqual(ours(slice()), []);
  },
);
