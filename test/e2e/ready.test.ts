// A detached run that is waited for until it is ready (row E28): by a port, a file or a command, or in vain.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { groupsOf, processesOf } from "#test/cgroup";
import { psOf, runOf } from "#test/detached";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { type Project, project, type RunOptions } from "#test/project";
import { slow } from "#test/slow";

guard();

const machine = needs("root", "overlay", "cgroup:pids");
const memory = needs("root", "overlay", "cgroup:memory");

/** Time for a few looks. */
const SOON = `${slow(300)}ms`;
const STAY = "exec sleep 1000000";

/** An environment whose entry is a shell script. */
function env(p: Project, script: string, ready: string, more = ""): void {
  const command = JSON.stringify(["sh", "-c", script]);
  p.env("web", `limits: { pids: 50 }\nentry: { command: ${command}, ready: ${ready}${more} }\n`);
}

/** Starts it and waits; it becomes ready. */
function ready(p: Project, options: RunOptions = {}): void {
  assert.deepEqual(p.run(["run", "-d", "--wait", "web"], options), {
    code: 0,
    signal: null,
    stdout: "web/1\n",
    stderr: "",
  });
}

/** Starts it and waits in vain; what is said of it, in one line. */
function late(p: Project, ...words: readonly string[]): string {
  const { stdout, stderr } = p.ok(["run", "-d", "--wait", ...words, "web"], 125);
  assert.equal(stdout, "");
  return stderr.replaceAll(/\n +/g, " ");
}

const forget = (p: Project): unknown => p.ok(["rm", "-f", "web"]);

/** Whether a process's network has a socket that listens there. */
const listens = (pid: number, port: number): boolean =>
  ["tcp", "tcp6"].some((file) =>
    new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} \\S+ 0A `).test(
      readFileSync(`/proc/${pid}/net/${file}`, "utf8"),
    ),
  );

test("E28 run -d --wait returns once something listens on the port, and not before", machine, (t) => {
  const p = project(t);
  env(p, "sleep 0.6; exec busybox nc -l -p 8080", "{ tcp: 8080, timeout: 60s }");
  ready(p);
  const { pid } = runOf(p, "web/1");
  assert.ok(listens(pid!, 8080));
  forget(p);
  // On a port of one byte; and told as run -d tells it.
  env(p, "exec busybox nc -l -p 80", "{ tcp: 80 }");
  const { runs } = p.json<{ runs: readonly { run: string; state: string }[] }>([
    "run",
    "-d",
    "--wait",
    "web",
  ]);
  assert.deepEqual(
    runs.map(({ run, state }) => [run, state]),
    [["web/1", "running"]],
  );
  assert.match(p.ok(["run", "-d", "--wait", "--timings", "web"]).stderr, / entry +\d/);
});

test("E28 on the host's network a port of somebody else's does not count", machine, async (t) => {
  const p = project(t);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  env(p, STAY, `{ tcp: ${port}, timeout: ${SOON} }`, ", network: host");
  assert.match(late(p), new RegExp(`within \\S+: another process of the host listens on port ${port} `));
  forget(p);
  server.close();
  await once(server, "close");
  env(p, `busybox nc -l -p ${port}`, `{ tcp: ${port}, timeout: 60s }`, ", network: host");
  ready(p);
});

test("E28 run -d --wait returns once the file exists inside", machine, (t) => {
  const p = project(t);
  env(p, `sleep 0.6; mkdir /run; touch /run/up; ${STAY}`, "{ file: /run/up, timeout: 60s }");
  ready(p);
  assert.ok(existsSync(p.place("web", "merged/run/up")));
});

test("E28 a link at the file leads to nothing of the host's", machine, (t) => {
  const p = project(t);
  const outside = join(p.dir, "outside");
  writeFileSync(outside, "");
  const links = [
    outside,
    `../../../../../../../../..${outside}`,
    `/proc/1/root${outside}`,
    "/proc/self/root/up",
    "up",
  ];
  for (const link of links) {
    rmSync(join(p.dir, "rootfs/up"), { force: true });
    symlinkSync(link, join(p.dir, "rootfs/up"));
    env(p, STAY, "{ file: /up, timeout: 200ms }");
    assert.match(
      late(p),
      link === "up" ? /within 200ms: .*ELOOP/ : /within 200ms: \/up does not exist inside/,
      link,
    );
    p.ok(["destroy", "-y", "web"]);
  }
  // What it leads to inside does count.
  rmSync(join(p.dir, "rootfs/up"));
  env(p, `mkdir /a; ln -s ../../../a/b /up; sleep 0.3; touch /a/b; ${STAY}`, "{ file: /up, timeout: 60s }");
  ready(p);
});

test(
  "E28 run -d --wait returns once the command succeeds: as the entry's user, without a word of it",
  machine,
  (t) => {
    const p = project(t);
    // More than one look at it: each in the run's namespaces, groups and filter, each on its way back to the host's.
    const check =
      "id -u; cat; hostname >&2; test $(id -u)$WHO = 1000me || exit 9; grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status >>/tmp/looks; test $(wc -l </tmp/looks) -ge 12";
    const exec = JSON.stringify(["sh", "-c", check]);
    env(p, STAY, `{ exec: ${exec}, timeout: 60s }`, ", user: ana, env: { WHO: me }");
    ready(p);
    const rights = (text: string): readonly string[] =>
      text.match(/^(CapBnd|NoNewPrivs|Seccomp):\t\w+$/gm) ?? [];
    const own = rights(readFileSync(`/proc/${runOf(p, "web/1").pid}/status`, "utf8"));
    const looks = readFileSync(p.place("web", "merged/tmp/looks"), "utf8");
    assert.deepEqual(rights(looks), Array.from({ length: 4 }, () => own).flat());
    assert.deepEqual(p.run(["logs", "web"]), { code: 0, signal: null, stdout: "", stderr: "" });
    forget(p);
    for (const [exec, said] of [
      ['"exit 7"', /web\/1 was not ready within \S+: the check exits with 7[; ]/],
      ["[no-such-program]", /within \S+: command not found: "no-such-program"/],
    ] as const) {
      const tried = (timeout: string): string => {
        env(p, STAY, `{ exec: ${exec}, timeout: ${timeout} }`);
        const why = late(p);
        forget(p);
        return why;
      };
      const soon = tried(SOON);
      // Where others have the processor the time may be over before the check is.
      assert.match(/the check does not end/.test(soon) ? tried(`${slow(5000)}ms`) : soon, said);
    }
  },
);

test("E28 a check that hangs is ended with the time there is, and nothing of it is left", machine, (t) => {
  const p = project(t);
  env(p, STAY, `{ exec: "trap '' TERM INT; sleep 999999; true", timeout: 500ms }`);
  assert.match(late(p), /web\/1 was not ready within 500ms: the check does not end /);
  const left = processesOf(p).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
  assert.deepEqual(left, ["sleep\x001000000\0"]);
});

test(
  "E28 a run that ends before it is ready: how, and what it printed last; its status stays",
  memory,
  (t) => {
    const p = project(t);
    const say = 'echo one; echo "  two  2" >&2; printf "\\033[31mthree" >&2';
    for (const [script, how, status] of [
      [`${say}; exit 3`, "exit 3", 3],
      [`${say}; exit 0`, "exit 0", 0],
    ] as const) {
      env(p, script, "{ tcp: 8080, timeout: 60s }");
      const { stderr } = p.ok(["run", "-d", "--wait", "web"], 125);
      assert.match(
        stderr,
        new RegExp(
          `^envctl: web/1 ended before it was ready: ${how}, ran [\\d.]+ m?s\n {2}It printed last:\n {2}\\| one\n {2}\\| {3}two {2}2\n {2}\\| \\\\x1b\\[31mthree\n {2}All it printed: envctl logs web/1\n$`,
        ),
      );
      assert.deepEqual(
        psOf(p).map((run) => [run.state, run.status]),
        [["ended", status]],
      );
      forget(p);
    }
    p.env(
      "web",
      "limits: { memory: 16MiB, swap: 0 }\nentry:\n  command: [dd, if=/dev/zero, of=/dev/null, bs=64M, count=1]\n  ready: { file: /x }\n",
    );
    assert.match(late(p, "-y"), /^envctl: web\/1 ended before it was ready: out of memory, ran /);
    forget(p);
    const { diagnostics } = p.json<{ diagnostics: readonly { code: string; summary: string }[] }>(
      ["run", "-d", "--wait", "web"],
      125,
    );
    assert.deepEqual(
      [diagnostics[0]!.code, /out of memory/.test(diagnostics[0]!.summary)],
      ["not_ready", true],
    );
  },
);

test("E28 a signal ends a run before it is ready", machine, async (t) => {
  const p = project(t);
  env(p, STAY, "{ tcp: 8080, timeout: 60s }");
  const child = p.start(["run", "-d", "--wait", "web"]);
  const closed = once(child, "close");
  let said = "";
  child.stderr!.on("data", (data: Buffer) => (said += String(data)));
  await until("it runs", () => existsSync(p.state) && psOf(p).some(({ state }) => state === "running"));
  // Nothing is locked while it is waited for.
  p.ok(["apply", "web", "--lock-timeout", "10s"]);
  p.ok(["kill", "--signal", "TERM", "web"]);
  assert.deepEqual(await closed, [125, null]);
  assert.match(
    said,
    /^envctl: web\/1 ended before it was ready: SIGTERM, ran .*\n {2}It printed nothing\.\n$/,
  );
});

test(
  "E28 a run that is not ready in time goes on, and the sentence says how to see it and how to end it",
  machine,
  (t) => {
    const p = project(t);
    env(p, `echo still starting; ${STAY}`, "{ tcp: 8080, timeout: 1s }");
    const started = performance.now();
    const said = late(p);
    assert.ok(performance.now() - started >= 1000);
    assert.equal(
      said,
      "envctl: web/1 was not ready within 1s: nothing listens on port 8080 It printed last: | still starting " +
        "It goes on. What it prints: envctl logs -f web/1; to end it: envctl stop web/1\n",
    );
    assert.equal(p.ok(["exec", "web", "--", "echo", "in"]).stdout, "in\n");
    assert.match(p.ok(["stop", "web/1"]).stdout, /^web\/1 +SIGTERM/);
    p.ok(["rm", "web/1"]);
    assert.deepEqual(
      groupsOf(p).filter((dir) => /\/\d+$/.test(dir)),
      [],
    );
  },
);

test("E28 Ctrl-C while it is waited for leaves it running: 130", machine, async (t) => {
  const p = project(t);
  for (const check of ["tcp: 8080", "exec: sleep 999999"]) {
    env(p, STAY, `{ ${check}, timeout: 60s }`);
    const child = p.start(["run", "-d", "--wait", "web"]);
    const closed = once(child, "close");
    let said = "";
    child.stderr!.on("data", (data: Buffer) => (said += String(data)));
    await until("it runs", () => existsSync(p.state) && psOf(p).some(({ state }) => state === "running"));
    child.kill("SIGINT");
    assert.deepEqual(await closed, [130, null]);
    assert.match(
      said,
      /^envctl: interrupted before web\/1 was ready: .*\n {2}It goes on\. What it prints: envctl logs -f web\/1;/,
    );
    const left = processesOf(p).map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    assert.deepEqual(left, ["sleep\x001000000\0"]);
    forget(p);
  }
});

test(
  "E28 --wait with a throwaway instance, with a command, and without a check: started is enough",
  machine,
  (t) => {
    const p = project(t);
    env(p, "exit 9", "{ file: /up, timeout: 60s }");
    const script = `sleep 0.3; touch /up; ${STAY}`;
    assert.equal(p.ok(["run", "-d", "--wait", "--rm", "web", "--", "sh", "-c", script]).stdout, "web.r1\n");
    assert.equal(runOf(p, "web.r1").state, "running");
    p.ok(["rm", "-f", "web.r1"]);
    assert.match(late(p, "--rm"), /^envctl: web\.r1 ended before it was ready: exit 9, ran /);
    p.ok(["rm", "web.r1"]);
    assert.deepEqual(groupsOf(p), []);
    p.env("web", "entry: { command: [sleep, 1000000] }\n");
    ready(p);
  },
);

test("E28 --wait goes with --detach alone, and the check's mistakes are the file's", machine, (t) => {
  const p = project(t);
  env(p, STAY, "{ tcp: 8080 }");
  assert.match(
    p.ok(["run", "--wait", "web"], 125).stderr,
    /--wait goes with --detach\n +See: envctl run --help/,
  );
  assert.ok(!existsSync(p.state));
  p.env("web", "entry: { ready: { tcp: 8080, file: /up } }\n");
  assert.match(p.ok(["validate", "web"], 3).stderr, /tcp, exec or file/);
});

test(
  "an edited check is a change of the entry, written as in the file, and no mount is touched",
  machine,
  (t) => {
    const p = project(t);
    env(p, STAY, "{ tcp: 8080 }");
    p.ok(["apply", "-y", "web"]);
    env(p, STAY, "{ exec: [test, -e, /up], timeout: 90s }");
    assert.match(
      p.ok(["plan", "web"]).stdout,
      /\n {2}~ {3}entry +from the next run on\n {8}ready +tcp=8080,timeout=30s → exec=test,-e,\/up,timeout=90s\n/,
    );
    const before = p.mounts();
    p.ok(["apply", "-y", "web"]);
    assert.deepEqual(p.mounts(), before);
    assert.match(p.ok(["plan", "web"]).stdout, /^No changes\./);
    assert.match(p.ok(["show", "web"]).stdout, /\n +ready +by test -e \/up, within 90s\n/);
    const { entry } = p.json<{ entry: { ready: unknown } }>(["show", "web"]);
    assert.deepEqual(entry.ready, { exec: ["test", "-e", "/up"], timeout: "90s" });
  },
);
