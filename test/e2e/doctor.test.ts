import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { controlFile, hierarchies, hierarchy } from "#test/cgroup";
import { guard } from "#test/guard";
import { overlayDirs } from "#test/mountinfo";
import { met, needs } from "#test/needs";
import { CLI, project, type Project } from "#test/project";

guard();

type Report = {
  ok: boolean;
  checks: { name: string; status: string; found: string; effect?: string; fix?: string }[];
};
const of = (report: Report, name: string): Report["checks"][number] => {
  const check = report.checks.find((c) => c.name === name);
  assert.ok(check, `no check ${name}`);
  return check;
};

test("doctor tells the truth about this host: what it says works is what the other tests use", (t) => {
  const p = project(t);
  const report = p.json<Report>(["doctor"]);
  assert.equal(report.ok, true);
  for (const name of ["privilege", "overlay", "open_tree", "mount_setattr", "openat2"])
    assert.equal(of(report, name).status, "yes", name);
  for (const check of report.checks)
    if (check.status === "no") assert.ok(check.effect !== undefined && check.fix !== undefined, check.name);
  assert.match(p.ok(["doctor"]).stdout, /Environments can be applied here|Everything works here/);
});

const CONTROLLERS = ["memory", "cpuset", "cpu", "pids"] as const;

/** Whether this kernel is of that version or later. */
function since(major: number, minor: number): boolean {
  const [here = 0, sub = 0] = release().split(".").map(Number);
  return here > major || (here === major && sub >= minor);
}

test("doctor tells the truth about this kernel's newer calls", needs("root", "overlay"), (t) => {
  const p = project(t);
  const report = p.json<Report>(["doctor"]);
  const expected = { overlay_layers: since(6, 13), mount_ids: since(6, 8), proc_pidns: since(6, 17) };
  for (const [name, there] of Object.entries(expected))
    assert.equal(of(report, name).status, there ? "yes" : "degraded", name);
  p.env("web");
  p.ok(["apply", "-y"]);
  const [overlay] = p.mounts();
  assert.equal(overlayDirs(overlay!) !== undefined, expected.overlay_layers, "paths in mountinfo");
});

test("doctor tells the truth about each controller and where it is", needs("root", "overlay"), (t) => {
  const p = project(t);
  const report = p.json<Report>(["doctor"]);
  const LIMITING = ["cpu", "cpuset", "freezer", "memory", "pids"];
  const versions = [1, 2].filter((version) =>
    hierarchies().some(
      (h) => h.version === version && h.controllers.some((name) => version === 2 || LIMITING.includes(name)),
    ),
  );
  const layout = versions.length === 2 ? "v1 and v2 (hybrid)" : `v${versions.join()}`;
  assert.equal(
    of(report, "cgroups").found,
    versions.length === 0 ? "no hierarchy with a controller is mounted" : layout,
  );
  for (const name of CONTROLLERS) {
    const check = of(report, `cgroup.${name}`);
    assert.equal(check.status, met(`cgroup:${name}`) ? "yes" : "no", name);
    if (check.status === "yes")
      assert.equal(check.found, `v${hierarchy(name).version}, ${hierarchy(name).point}`);
  }
  if (met("cgroup:pids"))
    assert.equal(of(report, "cgroup_kill").status, hierarchy("pids").version === 2 ? "yes" : "degraded");
  if (!met("cgroup:memory")) return assert.equal(of(report, "swap_accounting").status, "degraded");
  p.env("web", "limits: { memory: 64MiB }\n");
  p.ok(["apply", "-y"]);
  const swap = existsSync(controlFile(p, "web", "swap"));
  assert.equal(of(p.json<Report>(["doctor"]), "swap_accounting").status, swap ? "yes" : "degraded");
});

test(
  "doctor in a container-like namespace of an ordinary user: nothing can be applied, no limit set, and why",
  needs("root", "mounts", "userns"),
  (t) => {
    const p = project(t);
    const user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    const namespaces = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc"];
    const masked = ["sh", "-c", 'mount --bind /proc/sys /proc/sys && exec "$@"', "sh"];
    const before = [...user, ...namespaces, "--net", "--ipc", "--uts", ...masked];
    const report = p.json<Report>(["doctor"], 1, { before });
    assert.equal(report.ok, false);
    assert.match(of(report, "privilege").found, /user 0, root of a user namespace/);
    assert.match(of(report, "privilege").fix ?? "", /sudo/);
    assert.equal(of(report, "container").status, "no");
    assert.match(of(report, "container").found, /mounted below \/proc/);
    assert.match(of(report, "container").effect ?? "", /nothing can be run: mounting proc is refused/);
    for (const name of CONTROLLERS) {
      const check = of(report, `cgroup.${name}`);
      assert.equal(check.status, "no", name);
      if (!met(`cgroup:${name}`)) continue;
      assert.match(check.found, /belongs to somebody else/);
      assert.match(check.fix ?? "", /Delegate=yes/);
    }
    for (const name of ["open_tree", "mount_setattr", "openat2", "program.setpriv"])
      assert.equal(of(report, name).status, "yes", name);
  },
);

test(
  "doctor without CAP_SYS_ADMIN: nothing can work, exit 1, and the command that mends it",
  needs("root", "program:setpriv"),
  () => {
    const dropped = spawnSync(
      "setpriv",
      ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin", process.execPath, CLI, "doctor", "--json"],
      { encoding: "utf8" },
    );
    assert.equal(dropped.status, 1, dropped.stderr);
    const report = JSON.parse(dropped.stdout) as Report;
    assert.equal(report.ok, false);
    assert.equal(of(report, "privilege").status, "no");
    assert.match(of(report, "privilege").found, /root without CAP_SYS_ADMIN/);
  },
);

/** What an ordinary user is told, with a state directory that is theirs. */
function asUser(
  p: Project,
  before: readonly string[] = [],
): { readonly status: number | null; readonly report: Report } {
  chmodSync(p.dir, 0o755);
  const home = join(p.dir, "home");
  mkdirSync(home);
  chownSync(home, 1000, 1000);
  const drop = ["--reuid=1000", "--regid=1000", "--clear-groups"];
  const { status, stdout, stderr } = spawnSync(
    "setpriv",
    [...drop, ...before, process.execPath, CLI, "doctor", "--json"],
    {
      encoding: "utf8",
      env: { ...process.env, HOME: home, ENVCTL_STATE_DIR: join(home, "state") },
    },
  );
  assert.equal(stderr, "");
  return { status, report: JSON.parse(stdout) as Report };
}

test(
  "doctor as an ordinary user: run --rm works, whatever it uses was tried as it uses it, and the rest needs root",
  needs("root", "program:setpriv", "userns"),
  (t) => {
    const { status, report } = asUser(project(t));
    assert.equal(status, 0);
    assert.equal(report.ok, true);
    const privilege = of(report, "privilege");
    assert.equal(privilege.status, "degraded");
    assert.equal(privilege.found, "user 1000, root of a user namespace");
    assert.match(privilege.fix ?? "", /sudo/);
    for (const name of ["overlay", "fsopen", "open_tree", "move_mount", "mount_setattr", "openat2"])
      assert.equal(of(report, name).status, "yes", name);
    for (const name of CONTROLLERS)
      if (met(`cgroup:${name}`)) assert.match(of(report, `cgroup.${name}`).found, /belongs to somebody else/);
  },
);

test(
  "doctor as an ordinary user who gets no user namespace: nothing can work, and why",
  needs("root", "program:setpriv", "userns"),
  (t) => {
    // As root of a namespace that allows no further one.
    const none = ["unshare", "--user", "--map-root-user", "sh", "-c"];
    const { status, report } = asUser(project(t), [
      ...none,
      'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"',
      "sh",
    ]);
    assert.equal(status, 1);
    assert.equal(report.ok, false);
    assert.match(of(report, "privilege").found, /has no user namespace: unshare: .*No space left/);
    assert.match(of(report, "user_namespaces").fix ?? "", /sysctl user.max_user_namespaces/);
  },
);

test(
  "doctor where cgroups are hidden: each controller is missed, and only limits are",
  needs("root", "mounts"),
  () => {
    const script = `mount -t tmpfs none /sys/fs/cgroup && exec ${process.execPath} ${CLI} doctor --json`;
    const hidden = spawnSync("unshare", ["-m", "--propagation", "private", "sh", "-c", script], {
      encoding: "utf8",
    });
    assert.equal(hidden.status, 0, hidden.stderr);
    const report = JSON.parse(hidden.stdout) as Report;
    for (const controller of ["memory", "cpuset", "pids"]) {
      assert.equal(of(report, `cgroup.${controller}`).status, "no");
      assert.match(of(report, `cgroup.${controller}`).effect ?? "", /limits\./);
    }
  },
);
