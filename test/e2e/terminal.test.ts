// Terminals: an entry somebody types to has one of its own, joined to theirs; one that nobody types to has none.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawn, type IPty } from "@lydell/node-pty";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { until } from "#test/occupant";
import { CLI, type Project, project } from "#test/project";
import { executing, WITHOUT_INIT } from "#test/running";
import { slow } from "#test/slow";

guard();

const REAL = needs("root", "overlay");

/** Somebody at a terminal, in a shell that starts the built command. */
class Seat {
  readonly #pty: IPty;
  readonly #p: Project;
  #said = "";
  readonly ended: Promise<number>;

  constructor(p: Project, args: readonly string[], before: readonly string[] = []) {
    this.#p = p;
    const script = `stty -g >"$P/before"; trap : INT QUIT; "$@"; code=$?; stty -g >"$P/after"; exit $code`;
    const env = {
      PATH: process.env["PATH"] ?? "",
      P: p.dir,
      ENVCTL_STATE_DIR: p.state,
      TERM: "xterm",
      NO_COLOR: "1",
    };
    this.#pty = spawn("/bin/sh", ["-c", script, "sh", ...before, process.execPath, CLI, ...args], {
      cols: 90,
      rows: 33,
      cwd: p.dir,
      env,
    });
    this.#pty.onData((data) => (this.#said += data));
    let over = false;
    this.ended = new Promise((resolve) =>
      this.#pty.onExit(({ exitCode }) => {
        over = true;
        resolve(exitCode);
      }),
    );
    p.after(async () => {
      if (!over) this.#pty.kill("SIGKILL");
      await this.ended;
    });
  }

  /** Waits for these words, and forgets all up to them. */
  async sees(words: RegExp): Promise<string> {
    await until(
      `${words} is on the screen, not ${JSON.stringify(this.#said)}`,
      () => words.test(this.#said),
      slow(15_000),
    );
    const { 0: found, index } = words.exec(this.#said)!;
    this.#said = this.#said.slice(index + found.length);
    return found;
  }

  types(keys: string): void {
    this.#pty.write(keys);
  }

  resizes(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  /** It ended with this code and left the terminal as it was. */
  async leaves(code: number): Promise<void> {
    assert.equal(await this.ended, code, this.#said);
    assert.equal(this.#p.read("after"), this.#p.read("before"), "the terminal is as it was");
  }
}

/** envctl, of an entry that it started. */
const parentOf = (entry: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, "utf8"))![1]);

for (const [where, body, before] of [
  ["", "", []],
  [", behind an init", "entry: { init: true }\n", []],
  [", behind the shell that stands in for an init", "entry: { init: true }\n", WITHOUT_INIT],
] as const) {
  test(`run at a terminal: a shell with job control, in a terminal of its own${where}`, REAL, async (t) => {
    const p = project(t);
    p.env("web", body);
    const seat = new Seat(p, ["run", ...(body === "" ? [] : ["--rm"]), "web", "--", "sh"], before);
    await seat.sees(/\/ # /);
    seat.types("busybox tty; busybox stty size; echo $TERM\r");
    await seat.sees(/\/dev\/pts\/0\r\n33 90\r\nxterm\r\n/);
    // It says when it has the terminal: a key that comes earlier is the shell's.
    seat.types(`sh -c 'trap "echo ag""ain" CONT; echo r""uns; while :; do sleep 0.05; done'\r`);
    await seat.sees(/runs/);
    seat.types("\x1a");
    await seat.sees(/Stopped/);
    seat.types("fg\r");
    await seat.sees(/again/);
    seat.types("\x03");
    await seat.sees(/\^C/);
    seat.types("echo was $?; exit 3\r");
    await seat.sees(/was 130/);
    await seat.leaves(3);
  });
}

test("the inside's terminal follows the size of ours", REAL, async (t) => {
  const p = project(t);
  p.env("web");
  const script = "trap 'busybox stty size' WINCH; echo up; while :; do sleep 0.05; done";
  const seat = new Seat(p, ["run", "--rm", "web", "--", "sh", "-c", script]);
  await seat.sees(/up/);
  seat.resizes(120, 44);
  await seat.sees(/44 120/);
  seat.types("\x03");
  await seat.leaves(130);
});

test("Ctrl-C and Ctrl-\\ end an entry that has no handler, as outside", REAL, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  for (const [key, code] of [
    ["\x03", 130],
    ["\x1c", 131],
  ] as const) {
    const seat = new Seat(p, ["run", "--rm", "web", "--", "sleep", "1000"]);
    await executing(p, ["sleep", "1000"]);
    seat.types(key);
    await seat.leaves(code);
  }
  const script = "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.05; done";
  const seat = new Seat(p, ["run", "--rm", "web", "--", "sh", "-c", script]);
  await seat.sees(/up/);
  seat.types("\x03");
  await seat.sees(/caught/);
  await seat.leaves(9);
});

test("a signal to envctl ends the entry and puts the terminal back", REAL, async (t) => {
  const p = project(t);
  p.env("web", "limits: { pids: 50 }\n");
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGQUIT", 131],
    ["SIGALRM", 142],
  ] as const) {
    const seat = new Seat(p, ["run", "--rm", "web", "--", "sleep", "1000"]);
    const entry = await executing(p, ["sleep", "1000"]);
    process.kill(parentOf(entry), signal);
    await seat.leaves(code);
  }
  const seat = new Seat(p, ["run", "--rm", "web", "--", "sleep", "1000"]);
  process.kill(await executing(p, ["sleep", "1000"]), "SIGKILL");
  await seat.leaves(137);
});

test(
  "a signal in the moment in which the terminal becomes raw puts it back, too",
  needs("root", "overlay", "program:strace"),
  async (t) => {
    const p = project(t);
    p.env("web");
    const log = join(p.dir, "log");
    const seat = (...inject: readonly string[]): Seat =>
      new Seat(
        p,
        ["run", "--rm", "web", "--", "sleep", "1"],
        ["strace", "-qq", "-o", log, "-e", "trace=ioctl", ...inject],
      );
    await seat().leaves(0);
    const nth =
      readFileSync(log, "utf8")
        .split("\n")
        .findIndex((line) => /TCSETSW/.test(line)) + 1;
    assert.ok(nth > 0, readFileSync(log, "utf8"));
    await seat("-e", `inject=ioctl:signal=ALRM:when=${nth}`).leaves(142);
  },
);

test("what never starts leaves the terminal as it was", REAL, async (t) => {
  const p = project(t);
  p.env("web");
  await new Seat(p, ["run", "--rm", "web", "--", "nope"]).leaves(127);
});

test(
  "-t gives a terminal where there is none: all that is written arrives, and the end of the input is one",
  REAL,
  (t) => {
    const p = project(t);
    p.env("web");
    const on = (script: string, input?: string): string =>
      p.ok(["run", "--rm", "-t", "web", "--", "sh", "-c", script], 0, input === undefined ? {} : { input })
        .stdout;
    assert.equal(on("busybox tty; busybox stty size"), "/dev/pts/0\r\n24 80\r\n");
    const many = on("busybox seq 1 60000");
    assert.equal(many.length, 60_000 * 2 + 48_894 + 240_000);
    assert.ok(many.endsWith("59999\r\n60000\r\n"));
    assert.equal(
      on("busybox stty -echo; echo up; cat; echo end", "a\nb").replace(/^[^]*up/, ""),
      "\r\na\r\nbend\r\n",
    );
    const closed = execFileSync(
      "sh",
      [
        "-c",
        '"$@" <&- | cat',
        "sh",
        process.execPath,
        CLI,
        "run",
        "--rm",
        "-t",
        "web",
        "--",
        "sh",
        "-c",
        "cat; echo end",
      ],
      {
        cwd: p.dir,
        env: { ...process.env, ENVCTL_STATE_DIR: p.state },
        encoding: "utf8",
        timeout: slow(20_000),
      },
    );
    assert.match(closed, /end\r\n$/);
  },
);

test("a reader that goes away stops nothing", REAL, (t) => {
  const p = project(t);
  p.env("web", "volumes: [../src:/work]\n");
  p.write("src/file", "x");
  const script = "busybox seq 1 20000; echo done >/work/done";
  const line = '"$@" | head -c 10';
  execFileSync(
    "sh",
    ["-c", line, "sh", process.execPath, CLI, "run", "-t", "web", "--", "sh", "-c", script],
    {
      cwd: p.dir,
      env: { ...process.env, ENVCTL_STATE_DIR: p.state },
      timeout: slow(20_000),
    },
  );
  assert.equal(p.read("src/done"), "done\n");
});

for (const [what, code] of [
  ["goes on, whatever is typed then", 7],
  ["ends by a Ctrl-C of ours", 130],
] as const) {
  test(`an entry that closes its terminal ${what}`, REAL, async (t) => {
    const p = project(t);
    p.env("web", "volumes: [../src:/work]\n");
    p.write("src/there", "");
    const script =
      "echo up; exec <&- >&- 2>&-; echo >/work/closed; until test -e /work/go; do sleep 0.05; done; exit 7";
    const seat = new Seat(p, ["run", "--rm", "web", "--", "sh", "-c", script]);
    await seat.sees(/up/);
    await until("it is closed", () => p.exists("src/closed"));
    for (const keys of ["x", "\r", "\x04"]) {
      seat.types(keys);
      seat.resizes(70, 20);
      await sleep(50);
    }
    if (code === 7) p.write("src/go", "");
    else seat.types("\x03");
    await seat.leaves(code);
  });
}

test("a terminal belongs to the entry's user", REAL, (t) => {
  const p = project(t);
  p.env("web", "entry: { user: ana }\n");
  const script = "echo one >/dev/stdout; echo two >/dev/tty; stat -c '%U %a' /dev/pts/0";
  const { stdout } = p.ok(["run", "--rm", "-t", "web", "--", "sh", "-c", script]);
  assert.equal(stdout, "one\r\ntwo\r\nana 620\r\n");
});

test(
  "without a terminal of its own an entry has none at all, and types nothing into ours",
  needs("root", "overlay", "program:perl"),
  async (t) => {
    const p = project(t);
    p.env("web", "rootfs: { host: [/usr/bin/perl, /bin/sh] }\n");
    // TIOCSTI: a character as if it had been typed.
    const push =
      'print ioctl(STDIN, 0x5412, my $x = "x") ? "pushed\\n" : "refused\\n"; print open(my $t, "<", "/dev/tty") ? "has one\\n" : "has none\\n"';
    const seat = new Seat(p, ["run", "--rm", "-i", "web", "--", "perl", "-e", push]);
    await seat.sees(/refused\r\nhas none\r\n/);
    await seat.leaves(0);
    const piped = p.ok(["run", "--rm", "web", "--", "sh", "-c", "(: </dev/tty) 2>/dev/null || echo none"]);
    assert.equal(piped.stdout, "none\n");
  },
);
