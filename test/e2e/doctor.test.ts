import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { CLI, project } from "#test/project";

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

test("doctor as an ordinary user: says that root is needed", needs("root", "program:setpriv"), () => {
  const user = spawnSync(
    "setpriv",
    ["--reuid=1000", "--regid=1000", "--clear-groups", process.execPath, CLI, "doctor", "--json"],
    {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", ENVCTL_STATE_DIR: "/nonexistent/state" },
    },
  );
  assert.equal(user.status, 1, user.stderr);
  const privilege = of(JSON.parse(user.stdout) as Report, "privilege");
  assert.equal(privilege.found, "user 1000");
  assert.match(privilege.fix ?? "", /sudo/);
});

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
