// A command beside a detached run (row E28): the same namespaces, groups, user, environment and privileges, and its own exit status.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { processesOf } from "#test/cgroup";
import { detach, family, namespacesOf, psOf } from "#test/detached";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { CLI, type Project, project, type RunOptions } from "#test/project";
import { running } from "#test/running";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

const SLEEPY = ["sh", "-c", "echo up; while :; do sleep 0.2; done"];

/** Starts a command beside a run and waits until it says that it is up; the run, which outlives its envctl, goes first at the end. */
async function beside(
  p: Project,
  words: readonly string[],
  options: RunOptions = {},
): ReturnType<typeof running> {
  const there = await running(p, ["exec", ...words], options);
  p.after(() => void p.run(["rm", "-f", "web"]));
  return there;
}

/** Lines of /proc/PID/status that say what a process may do. */
function rights(status: string): readonly string[] {
  const wanted = /^(Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp|Umask|SigBlk):\s*(.*)$/;
  return status.split("\n").flatMap((line) => {
    const [, name, value] = wanted.exec(line) ?? [];
    return name === undefined ? [] : [`${name} ${value!.trim().replace(/\s+/g, " ")}`];
  });
}

/** Where a process is, in every hierarchy, as the host sees it. */
const groupsOf = (pid: number): string => readFileSync(`/proc/${pid}/cgroup`, "utf8");

for (const [who, entry] of [
  ["root", "{}"],
  ["a user with groups", "{ user: ana }"],
  ["a user with a capability", "{ user: '1000:44', capabilities: { add: [NET_BIND_SERVICE], drop: [ALL] } }"],
] as const) {
  test(
    `E28 exec as ${who}: in the run's namespaces, groups and working directory, as its user, with its rights`,
    machine,
    async (t) => {
      const p = project(t);
      const env = `env: { PLAIN: a b, "odd.name": x, TOKEN }`;
      p.env(
        "web",
        `limits: { pids: 50, memory: 64MiB }\nentry: ${entry.replace("{", `{ workdir: /tmp, ${env},`).replace(",}", " }")}\n`,
      );
      const { pid, supervisor } = detach(p, ["web", "--", ...SLEEPY], { env: { TOKEN: "secret" } });
      const { child } = await beside(p, ["web", "--", "sh", "-c", "echo up; exec sleep 1000000"]);
      let inside: number | undefined;
      const sleeps = (pid: number): boolean =>
        existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sleep");
      await until(
        "the shell has become sleep",
        () => (inside = family(child.pid!).find(sleeps)) !== undefined,
      );
      assert.deepEqual(namespacesOf(inside!), namespacesOf(pid));
      // Into v1's memory it is moved once it is there (launch-groups.ts).
      await until("it is in all of its groups", () => groupsOf(inside!) === groupsOf(pid));
      assert.deepEqual(
        rights(readFileSync(`/proc/${inside}/status`, "utf8")),
        rights(readFileSync(`/proc/${pid}/status`, "utf8")),
      );
      const entrys = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean).sort();
      assert.deepEqual(p.ok(["exec", "web", "--", "env"]).stdout.trim().split("\n").sort(), entrys);
      assert.ok(entrys.includes("TOKEN=secret") && entrys.includes("odd.name=x"));
      // No other descriptor, and a session of its own.
      assert.deepEqual(
        p.ok(["exec", "web", "--", "sh", "-c", "ls /proc/$$/fd"]).stdout.split("\n").slice(0, 3),
        ["0", "1", "2"],
      );
      assert.ok(
        !readFileSync(join(p.state, "envs", p.id("web"), "runs/1/run.json"), "utf8").includes("secret"),
        "secrets are stored nowhere",
      );
      assert.equal(family(supervisor).includes(inside!), false);
    },
  );
}

test("E28 exec beside a reaper has the entry's environment", machine, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\nentry: { init: true, env: { A: b c, TOKEN } }\n");
  detach(p, ["web", "--", ...SLEEPY], { env: { TOKEN: "secret" } });
  const variables = p.ok(["exec", "web", "--", "env"]).stdout.split("\n");
  assert.ok(variables.includes("A=b c") && variables.includes("TOKEN=secret"), variables.join());
  assert.ok(!variables.some((line) => line.startsWith("_envctl")), variables.join());
});

test("E28 exec ends as its command does, and takes its input and signals", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  const { supervisor } = detach(p, ["web", "--", ...SLEEPY]);
  const before = namespacesOf("self");
  assert.equal(p.ok(["exec", "web", "--", "cat"], 0, { input: "in\n" }).stdout, "in\n");
  assert.deepEqual(p.run(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]), {
    code: 7,
    signal: null,
    stdout: "out\n",
    stderr: "err\n",
  });
  assert.equal(p.ok(["exec", "web"], 5, { input: "exit 5\n" }).stdout, "", "a shell where nothing is said");
  assert.equal(p.run(["exec", "web", "--", "sh", "-c", "kill -9 $$"]).code, 137);
  const { child, ended } = await beside(p, [
    "web/1",
    "--",
    "sh",
    "-c",
    "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done",
  ]);
  child.kill("SIGTERM");
  assert.equal((await ended).code, 4);
  assert.deepEqual(namespacesOf("self"), before);
  await until("nobody is left", () => family(supervisor).length <= 3);
});

test(
  "E28 exec at a terminal gives its command one of its own: another than envctl's, and job control in it",
  needs("root", "overlay", "cgroup:pids", "program:script"),
  (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\nentry: { user: ana }\n");
    detach(p, ["web", "--", ...SLEEPY]);
    const script = "tty; test -t 0 && test -t 2 && : </dev/tty && echo own; echo TERM $TERM; exit 4";
    const words = [process.execPath, CLI, "exec", "web", "--", "sh", "-c", script];
    const line = words.map((word) => `'${word}'`).join(" ");
    const env = { ...process.env, ENVCTL_STATE_DIR: p.state, TERM: "vt100" };
    const { stdout, status } = spawnSync("script", ["-qec", line, "/dev/null"], {
      cwd: p.dir,
      env,
      encoding: "utf8",
      timeout: 60_000,
    });
    // script(1) passes on that its own input is at its end.
    const shown = stdout.replace("^@", "");
    assert.deepEqual([status, shown], [4, "/dev/pts/0\r\nown\r\nTERM vt100\r\n"]);
    assert.equal(p.ok(["exec", "-i", "web", "--", "sh", "-c", "tty; true"]).stdout, "not a tty\n");
  },
);

test("E28 exec opens no terminal where the run has put a symlink to the host instead", machine, async (t) => {
  const p = project(t);
  p.write("victim/ptmx", "");
  p.env("web", "limits: { pids: 50 }\nentry: { capabilities: { add: [SYS_ADMIN] } }\n");
  const swap = `umount /dev/pts && rmdir /dev/pts && ln -s ${join(p.dir, "victim")} /dev/pts && echo swapped`;
  detach(p, ["web", "--", "sh", "-c", `${swap}; exec sleep 1000000`]);
  await until("it is there", () => p.run(["logs", "web"]).stdout === "swapped\n");
  const { stderr } = p.ok(["exec", "-t", "web", "--", "true"], 125);
  assert.match(stderr, /\/dev\/pts inside is not where terminals are/);
  p.ok(["exec", "-i", "web", "--", "true"]);
});

test("E28 exec ends with its run", machine, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  detach(p, ["web", "--", ...SLEEPY]);
  const { ended } = await beside(p, ["web", "--", "sh", "-c", "echo up; exec sleep 1000000"]);
  p.ok(["stop", "-t", "0", "web"]);
  assert.equal((await ended).code, 137);
});

test("E28 exec says in a sentence what it cannot do: 125, 126, 127, and nothing is left", machine, (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\nentry: { user: ana }\n");
  p.write("rootfs/bin/script", "#!/no/such/interpreter\n", 0o755);
  p.write("rootfs/bin/private", "#!/bin/sh\n", 0o700);
  detach(p, ["web", "--", ...SLEEPY]);
  const cases: readonly (readonly [code: number, words: readonly string[], said: RegExp])[] = [
    [127, ["web", "--", "missing"], /command not found: "missing"/],
    [127, ["web", "--", "/bin/script"], /cannot be executed inside/],
    [126, ["web", "--", "/etc/passwd"], /cannot execute "\/etc\/passwd"/],
    [126, ["web", "--", "/bin/private"], /cannot be executed inside/],
    [125, ["web/2", "--", "true"], /no run "web\/2"/],
    [125, ["nope", "--", "true"], /no environment "nope"/],
    [125, ["web", "--"], /no command behind --/],
    [125, ["web", "true"], /the command goes behind --/],
  ];
  for (const [code, words, said] of cases) assert.match(p.ok(["exec", ...words], code).stderr, said);
  p.ok(["stop", "-t", "0", "web"]);
  assert.match(p.ok(["exec", "web", "--", "true"], 125).stderr, /^envctl: web\/1 is not running\n/);
  assert.deepEqual(
    psOf(p).map(({ state }) => state),
    ["ended"],
  );
});

test(
  "E28 exec leaves envctl in its own groups",
  needs("root", "overlay", "cgroup:memory", "cgroup:pids"),
  async (t) => {
    const p = project(t);
    p.env("web", "limits: { pids: 50, memory: 64MiB }\n");
    const { pid } = detach(p, ["web", "--", "sleep", "1000000"]);
    const { child } = await beside(p, ["web", "--", "sh", "-c", "echo up; exec sleep 1000000"]);
    // The command is born there and does not wait for envctl to be back.
    await until("envctl is back", () => groupsOf(child.pid!) === groupsOf(process.pid));
    // A thread of it that had stayed in one of the groups would show it here, too.
    assert.deepEqual(new Set(processesOf(p)), new Set([pid, ...family(child.pid!).slice(1)]));
  },
);
