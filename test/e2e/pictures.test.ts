// The built command in a terminal, as somebody sits before it: what is seen, in which colours, and what is left behind.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { golden } from "#test/golden";
import { guard } from "#test/guard";
import { needs } from "#test/needs";
import { occupant, runs, until } from "#test/occupant";
import { type Project, project } from "#test/project";
import { type Keys, type Played, play } from "#test/terminal";

guard();

const ALL = needs("root", "overlay", "cgroup:pids", "cgroup:cpu");

/** Left as it was found: modes, colours, the line discipline. Nothing was broken by the terminal. */
function assertClean({ left, stained, settings, broken, rows }: Played): void {
  assert.deepEqual(left, [], "modes");
  assert.equal(stained, false, "colours");
  assert.equal(settings[1], settings[0], "stty");
  // Commands that are to be copied stay whole.
  for (const row of broken) assert.match(rows[row]!, /umount|^\{/);
}

/** What differs from one run to the next, in as many cells. */
const steady = (p: Project, row: string): string =>
  row
    .replaceAll(p.dir, "/tmp/envctl-000000")
    .replace(/-[0-9a-f]{8}\b/g, "-01234567")
    .replace(/mount \d+/, "mount N")
    .replace(/ in \d+(\.\d)? m?s:/, " in N ms:")
    .replace(/^ +PID/, "    PID")
    .replace(/^ +\d+ {2}root {2}\d+s +/, "      N  root  Ns     ")
    .replace(/CPUs [\d,-]+ only/, "CPUs 0-1 only");

/** Rows, then what is not in the terminal's own style. */
function portrait(p: Project, { rows, styled }: Played): string {
  const painted = styled.map(({ row, style, text }) => `${row + 1} ${style}: ${steady(p, text).trimEnd()}`);
  return `${[...rows.map((row) => steady(p, row).trimEnd()), ...(painted.length === 0 ? [] : ["", ...painted])].join("\n")}\n`;
}

/** A picture at both widths, plain and coloured: compared with test/golden/terminal, letter for letter and colour for colour. */
async function picture(p: Project, name: string, args: readonly string[], code: number): Promise<void> {
  for (const columns of [80, 120]) {
    const [plain, coloured] = [
      await play(p, args, { columns, color: false }),
      await play(p, args, { columns, color: true }),
    ];
    assert.deepEqual(plain.styled, [], "NO_COLOR");
    assert.deepEqual(
      plain.rows.map((row) => steady(p, row)),
      coloured.rows.map((row) => steady(p, row)),
      "colours change no letter",
    );
    for (const played of [plain, coloured]) {
      assert.equal(played.code, code, played.rows.join("\n"));
      assertClean(played);
    }
    golden(`terminal/${name}.${columns}`, portrait(p, coloured));
  }
}

const layers = "lowers:\n  - ../layers/tools\n  - ../layers/node\n";
const volumes = "volumes:\n  - ../src:/work:ro\n  - ../cache:/var/cache/app\n";

/** The environment of the documentation, as it was applied first. */
function webTests(t: Parameters<typeof project>[0]): Project {
  const p = project(t);
  for (const dir of ["src", "cache", "layers/tools", "layers/node", "rootfs/work", "rootfs/var/cache/app"])
    mkdirSync(join(p.dir, dir), { recursive: true });
  p.env(
    "web-tests",
    'lowers: [../layers/node]\nvolumes: ["../src:/work:ro"]\nlimits: { pids: 64, cpus: 1.5 }\nentry: { command: [echo, ok] }\n',
  );
  return p;
}

const edit = (p: Project): string =>
  p.env("web-tests", `${layers}${volumes}limits:\n  pids: 128\n  cpus: 1.5\nentry:\n  command: [echo, ok]\n`);

test("plan, drift, busy and mistakes look in a terminal as they were reviewed", ALL, async (t) => {
  const p = webTests(t);
  await picture(p, "plan-first", ["plan"], 0);
  p.ok(["apply", "-y", "-q"]);
  await picture(p, "plan-nothing", ["plan"], 0);
  p.ok(["run", "web-tests", "--", "sh", "-c", "echo 1 >/root/a; echo 2 >/root/b"]);
  edit(p);
  await picture(p, "plan-changes", ["plan", "web-tests"], 0);
  p.ok(["apply", "-y", "-q"]);
  const merged = p.place("web-tests", "merged");
  for (const words of [
    ["umount", join(merged, "var/cache/app")],
    ["mount", "-t", "tmpfs", "tmpfs", join(merged, "mnt")],
  ])
    assert.equal(spawnSync(words[0]!, words.slice(1)).status, 0);
  p.after(() => void spawnSync("umount", [join(merged, "mnt")]));
  await picture(p, "drift", ["drift"], 2);
  await picture(p, "plan-drifted", ["plan"], 0);
  await picture(p, "destroy-foreign", ["destroy", "-y", "web-tests"], 5);
  spawnSync("umount", [join(merged, "mnt")]);
  p.ok(["apply", "-y", "-q"]);
  const sleeper = occupant(p, ["sleep", "1000"], { cwd: join(merged, "work") });
  await until("it sleeps", () => runs(sleeper.pid, "sleep"));
  await picture(p, "destroy-busy", ["destroy", "-y", "web-tests"], 5);
  await sleeper.end();
  p.env("web-tests", "lower:\n  - ../layers/tools\nlimits:\n  memory: 256 megs\n  cpuset: 0-4000\n");
  const file = p.read("envs/web-tests.yaml");
  // However many CPUs this machine has.
  assert.ok(file.includes("0-4000"));
  await picture(p, "mistakes", ["validate"], 3);
});

const asked: Keys[0] = /\[y\/N\] $/;

test("apply: asked, agreed to, told step by step", ALL, async (t) => {
  const p = webTests(t);
  p.ok(["apply", "-y", "-q"]);
  edit(p);
  const played = await play(p, ["apply", "web-tests"], { keys: [[asked, "y\r"]] });
  assert.equal(played.code, 0);
  assertClean(played);
  golden("terminal/apply.80", portrait(p, played));
});

for (const [what, keys, code] of [
  ["n", "n\r", 1],
  ["Enter", "\r", 1],
  ["Ctrl-D", "\x04", 1],
  ["Ctrl-C", "\x03", 130],
] as const) {
  test(`apply: ${what} at the question changes nothing and leaves the terminal as it was`, ALL, async (t) => {
    const p = webTests(t);
    for (const columns of [80, 120]) {
      const played = await play(p, ["apply"], { columns, keys: [[asked, keys]] });
      assert.equal(played.code, code);
      assert.equal(played.rows.at(-1), "Nothing was changed.");
      assertClean(played);
    }
    assert.deepEqual(p.mounts(), []);
  });
}

/** DECTCEM off. */
const HIDE = "\u001b[?25l";

/** An archive that takes longer than a blink: a little to read, much to write. */
function slowArchive(p: Project, mebibytes = 128): void {
  mkdirSync(join(p.dir, "big"));
  writeFileSync(join(p.dir, "big/zeros"), "");
  truncateSync(join(p.dir, "big/zeros"), mebibytes << 20);
  const words = [
    "-C",
    join(p.dir, "big"),
    "--use-compress-program=gzip -1",
    "-cf",
    join(p.dir, "big.tar.gz"),
    ".",
  ];
  assert.equal(spawnSync("tar", words).status, 0);
  p.env("big", "rootfs: ../big.tar.gz\n");
}

test(
  "apply: the line of an archive moves while it is unpacked, and is an ordinary one afterwards",
  needs("root", "overlay", "program:gzip"),
  async (t) => {
    const p = project(t);
    slowArchive(p);
    const played = await play(p, ["apply", "-y", "big"]);
    assert.equal(played.code, 0);
    assertClean(played);
    assert.ok(played.raw.includes(HIDE), "the cursor was hidden");
    assert.match(played.raw, /⠙\S* unpack {3}\.\.\/big\.tar\.gz.* \d+ % of [\d.]+ [KM]iB/);
    assert.equal(played.rows.filter((row) => row.includes("unpack ")).length, 1);
    assert.ok(
      played.rows.some((row) => /^ {2}✔ unpack {3}\.\.\/big\.tar\.gz +sha256:[0-9a-f]{12}$/.test(row)),
    );
    for (const [args, env] of [
      [["apply", "-y", "-q", "big"], {}],
      [["apply", "-y", "--json", "big"], {}],
      [["apply", "-y", "big"], { CI: "true" }],
      [["apply", "-y", "big"], { TERM: "dumb" }],
    ] as const) {
      p.ok(["destroy", "-y", "big"]);
      spawnSync("rm", ["-r", join(p.state, "layers")]);
      const still = await play(p, args, { env });
      assert.ok(!still.raw.includes(HIDE) && !still.raw.includes(" % of "), args.join(" "));
      assertClean(still);
    }
  },
);

test(
  "apply: Ctrl-C while an archive is unpacked undoes, and the cursor is there again",
  needs("root", "overlay", "program:gzip"),
  async (t) => {
    const p = project(t);
    slowArchive(p, 256); // so that there is something left of it when the key arrives
    const played = await play(p, ["apply", "-y", "big"], { keys: [[/\d+ % of/, "\x03"]] });
    assert.equal(played.code, 130);
    assertClean(played);
    assert.match(played.rows.join("\n"), /\nInterrupted after .*; what was there before was put back\.$/);
    assert.deepEqual(p.mounts(), []);
  },
);
