// `init: true` (row B6): PID 1 is a reaper, one of the host's or a shell that stands in; the entry is its child.
import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:os";
import test from "node:test";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { executing, running, WITHOUT_INIT } from "#test/running";

guard();

for (const [which, before, need] of [
  ["the shell that stands in", WITHOUT_INIT, []],
  ["tini", [], ["program:tini"]],
] as const) {
  const REAL = needs("root", "overlay", "program:setsid", ...need);

  const begin = (t: Parameters<typeof project>[0]): Project => {
    const p = project(t);
    p.env("web", "limits: { pids: 50 }\nentry: { init: true }\n");
    return p;
  };

  test(`B6 init: ${which} is process 1, and what is orphaned is reaped`, REAL, (t) => {
    const p = begin(t);
    const script = [
      "tr '\\0' ' ' </proc/1/cmdline | head -c 30; echo",
      "echo parent $(cut -d' ' -f4 /proc/self/stat) me $$",
      "for i in 1 2 3 4 5; do (sh -c 'sleep 0.1' & ) ; done",
      // Who is not reaped is listed for ever.
      "i=0; while ps -o comm | grep -q sleep && [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done",
      "ps -o pid,stat,comm | grep -c ' Z'",
    ].join("; ");
    const { stdout } = p.run(["run", "--rm", "web", "--", "sh", "-c", script], { before });
    const lines = stdout.trim().split("\n");
    assert.match(lines[0]!, which === "tini" ? /^\S*tini -- / : /^\S*sh -c exec 5<&0/);
    assert.doesNotMatch(lines[1]!, /me 1$/);
    assert.equal(lines.at(-1), "0", stdout);
  });

  test(`B10 init: exit statuses pass through ${which}`, REAL, (t) => {
    const p = begin(t);
    for (const status of [0, 3, 127, 143, 255])
      assert.equal(
        p.run(["run", "--rm", "web", "--", "sh", "-c", `exit ${status}`], { before }).code,
        status,
        String(status),
      );
    for (const signal of ["KILL", "SEGV"] as const) {
      const script = `kill -${signal} $$; sleep 10`;
      assert.equal(
        p.run(["run", "--rm", "web", "--", "sh", "-c", script], { before }).code,
        128 + constants.signals[`SIG${signal}`],
        signal,
      );
    }
    assert.equal(p.run(["run", "--rm", "web", "--", "nope"], { before }).code, 127);
  });

  test(
    `B10 init: signals to envctl, and to process 1 from inside, reach the entry through ${which}`,
    REAL,
    async (t) => {
      const p = begin(t);
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
        const child = p.start(["run", "--rm", "web", "--", "sleep", "1000"], { before, stdio: "ignore" });
        const ended = once(child, "exit");
        await executing(p, ["sleep", "1000"]);
        child.kill(signal);
        assert.deepEqual(await ended, [128 + constants.signals[signal], null], signal);
      }
      const script = (signal: string): string =>
        `trap 'exit 7' ${signal}; echo up; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done`;
      const trapping = await running(p, ["run", "--rm", "web", "--", "sh", "-c", script("INT")], { before });
      trapping.child.kill("SIGINT");
      assert.equal((await trapping.ended).code, 7);
      // Several that do not end it, before one that does.
      const counting = `n=0; trap 'n=$((n+1)); [ $n = 3 ] && exit 9' USR1; echo up; for i in 1 2 3; do kill -USR1 1; while [ $n -lt $i ]; do sleep 0.05; done; done`;
      assert.equal(p.run(["run", "--rm", "web", "--", "sh", "-c", counting], { before }).code, 9);
    },
  );

  test(`B8 init: ${which} is no way to the host`, REAL, (t) => {
    const p = begin(t);
    p.write("marker", "x");
    const script = [
      "ls -l /proc/1/cwd /proc/1/root | sed 's/.*-> //'",
      "(: >/proc/1/exe) 2>&1",
      `for way in cwd cwd/.. cwd/../../.. root; do ls -d /proc/1/$way${p.dir}/marker; done 2>/dev/null`,
      "for fd in /proc/1/fd/*; do readlink $fd; done | grep -v -e socket: -e pipe: -e /dev/null",
    ].join("; ");
    const { stdout } = p.run(["run", "--rm", "web", "--", "busybox", "sh", "-c", script], { before });
    assert.match(stdout, /^\/\n\/\nsh: can't create \/proc\/1\/exe: Read-only file system\n$/);
  });
}
