// What detached runs print (row E28): whole, the last lines, followed to the end, as JSON, and where nobody listens any more.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import test from "node:test";
import { runOf } from "#test/detached";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { type Project, project } from "#test/project";
import { checked } from "#test/schema";

guard();

const machine = needs("root", "overlay", "cgroup:pids");

/** Starts a detached run of a script; answers its name. */
const start = (p: Project, script: string): string =>
  p.ok(["run", "-d", "web", "--", "sh", "-c", script]).stdout.trim();

function web(p: Project): Project {
  p.env("web", "limits: { pids: 50 }\n");
  return p;
}

/** Collects what a followed log prints; `line` resolves with the first of it. */
async function follow(
  p: Project,
  ...words: readonly string[]
): Promise<{ readonly first: string; readonly rest: Promise<string> }> {
  const child = p.start(["logs", "-f", ...words]);
  p.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let out = "";
  child.stdout!.on("data", (data) => (out += String(data)));
  await once(child.stdout!, "data");
  const first = out;
  const rest = once(child, "close").then(([code]) => {
    assert.equal(code, 0);
    return out.slice(first.length);
  });
  return { first, rest };
}

test(
  "E28 logs -f begins with what was printed, goes on as it comes and ends with the run",
  machine,
  async (t) => {
    const p = web(project(t));
    const name = start(p, "echo one; while ! test -e /go; do sleep 0.05; done; echo two; printf three");
    const { first, rest } = await follow(p, "web");
    assert.equal(first, "one\n");
    p.ok(["exec", name, "--", "touch", "/go"]);
    assert.equal(await rest, "two\nthree");
    assert.equal(p.ok(["logs", "-f", name]).stdout, "one\ntwo\nthree", "one that is over is read and left");
  },
);

test("E28 output that fills the disk: how the run ended is known all the same", machine, (t) => {
  const p = web(project(t));
  mkdirSync(p.state);
  const mount = (...words: readonly string[]): void => void execFileSync("mount", words);
  mount("-t", "tmpfs", "-o", "mode=700,size=8m", "state", p.state);
  try {
    const name = start(p, "cat /dev/zero; exit 7");
    assert.equal(p.ok(["wait", name], 7).stdout, "7\n");
    assert.equal(runOf(p, name).state, "ended");
    p.ok(["rm", name]);
    p.ok(["wait", start(p, "exit 3")], 3);
  } finally {
    p.ok(["destroy", "--all", "-y"]);
    execFileSync("umount", [p.state]);
  }
});

test("E28 logs --tail and bytes that are no text", machine, (t) => {
  const p = web(project(t));
  const name = start(p, "for n in 1 2 3 4; do echo out $n; echo err $n >&2; done; printf '\\303\\050\\377'");
  p.run(["wait", name]);
  const tail = p.ok(["logs", "--tail", "2", name]);
  assert.deepEqual([tail.stdout.split("\n")[0], tail.stderr], ["out 4", "err 3\nerr 4\n"]);
  assert.equal(p.ok(["logs", "-n", "0", name]).stdout, "");
  const raw = p.start(["logs", name]);
  const parts: Buffer[] = [];
  raw.stdout!.on("data", (data: Buffer) => parts.push(data));
  return once(raw, "close").then(() => {
    assert.equal(Buffer.concat(parts).toString("latin1").slice(-3), "\u00c3\u0028\u00ff");
    assert.match(p.ok(["logs", "--tail", "many", name], 3).stderr, /--tail takes a number of lines/);
  });
});

test("E28 logs --tail of an output that was given a size no disk has", machine, async (t) => {
  const p = web(project(t));
  const name = start(p, "truncate -s 1099511627776 /proc/self/fd/1; echo last");
  p.run(["wait", name]);
  const reading = p.start(["logs", "--tail", "1", name]);
  const ended = once(reading, "close");
  let bytes = 0;
  reading.stdout!.on("data", (data: Buffer) => (bytes += data.length));
  assert.deepEqual(await ended, [0, null]);
  assert.ok(bytes > 5 && bytes <= 64 << 20, `${bytes} bytes`);
});

test("E28 logs --json prints an object a line, and how it ended", machine, async (t) => {
  const p = web(project(t));
  const name = start(p, "echo out; echo 'err \"quoted\"' >&2; printf unfinished; exit 3");
  p.run(["wait", name]);
  const format = "envctl.logs/1";
  const lines = [
    { format, event: "line", run: name, stream: "stdout", text: "out" },
    { format, event: "line", run: name, stream: "stderr", text: 'err "quoted"' },
    { format, event: "line", run: name, stream: "stdout", text: "unfinished" },
  ];
  assert.deepEqual(p.lines(["logs", name]), lines);
  const end = { format, event: "ended", run: name, state: "ended", status: 3 };
  assert.deepEqual(p.lines(["logs", "-f", name]), [...lines, end]);
  const endless = start(p, "while :; do echo tick; sleep 0.05; done");
  const { first, rest } = await follow(p, endless, "--json");
  p.ok(["stop", endless]);
  const all = checked(first + (await rest));
  assert.deepEqual(all.at(-1), {
    format,
    event: "ended",
    run: endless,
    state: "ended",
    status: 143,
    signal: "SIGTERM",
  });
});

test("E28 logs -f survives that nobody reads any more, and ends", machine, async (t) => {
  const p = web(project(t));
  const name = start(p, "while :; do echo tick; sleep 0.05; done");
  const child = p.start(["logs", "-f", name]);
  p.after(() => void child.kill("SIGKILL"));
  let said = "";
  child.stderr!.on("data", (data) => (said += String(data)));
  await once(child.stdout!, "data");
  child.stdout!.destroy();
  const [code] = (await once(child, "exit")) as [number];
  assert.deepEqual([code, said], [0, ""]);
});
