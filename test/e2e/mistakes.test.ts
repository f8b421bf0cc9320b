// What the built command says of bad files: one message each, with its place; at once, and without touching anything.
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { isDeepStrictEqual } from "node:util";
import { guard } from "#test/guard";
import { type Project, project, type Result } from "#test/project";
import { slow } from "#test/slow";
import { tree } from "#test/tree";

guard();

const HEAD = "version: 1\nname: bad\nrootfs: ../rootfs\n";

/** What is added to three sound lines, where it is pointed at, and what is said. */
type Kind = readonly [what: string, added: string, place: string, message: RegExp];

const KINDS: readonly Kind[] = [
  ["an unknown key", "lower: [a]\n", "4:1", /unknown key "lower"\n.*\n.*\^{5} did you mean "lowers"\?/],
  ["an unknown key deep inside", "entry:\n  ready: { http: 80 }\n", "5:12", /unknown key "http"/],
  ["a key twice", "limits: {}\nlimits: {}\n", "5:1", /limits/],
  ["a tab for blanks", "limits:\n\tpids: 1\n", "5:1", /tab/i],
  ["a bracket that is not closed", "lowers: [a\n", "4:", /\]|bracket|flow/i],
  ["an unknown tag", "limits: { pids: !!binary 12 }\n", "4:17", /unknown tag !!binary/],
  ["an anchor that is not there", "limits: *x\n", "4:9", /x/],
  ["two documents", "---\nversion: 1\n", "4:1", /a second document/],
  ["a word for a size", "limits: { memory: abc }\n", "4:19", /not a size/],
  ["a negative size", "limits: { memory: -1 }\n", "4:19", /not a size/],
  ["a size beyond all numbers", "limits: { memory: 1e999 }\n", "4:19", /not a size/],
  ["a size of nothing", "limits: { memory: 0 }\n", "4:19", /too small/],
  ["a key without a value", "limits:\n  pids:\n", "5:3", /no value/],
  ["half a process", "limits: { pids: 1.5 }\n", "4:17", /not a whole number/],
  ["CPUs backwards", "limits: { cpuset: 3-1 }\n", "4:19", /not a list of CPUs/],
  ["CPUs this host has not", "limits: { cpuset: 0-4000 }\n", "4:19", /this host has CPUs \S+ only/],
  ["nodes this host has not", "limits: { cpuset_mems: 63 }\n", "4:24", /this host has memory nodes \S+ only/],
  ["shares out of range", "limits: { cpu_shares: 1 }\n", "4:23", /out of range/],
  ["swap without memory", "limits: { swap: 1G }\n", "4:11", /memory/],
  ["a volume without a target", 'volumes: ["../src"]\n', "4:11", /not a volume/],
  ["a relative target", "volumes: [../src:work]\n", "4:18", /not an absolute path/],
  ["a target with ..", "volumes: [../src:/a/../b]\n", "4:18", /a path with "\.\."/],
  [
    "a target with a name that no file can have",
    `volumes: [../src:/${"é".repeat(128)}]\n`,
    "4:18",
    /a name too long/,
  ],
  [
    "a target too long to be unmounted",
    `volumes: [../src:${"/deep".repeat(700)}]\n`,
    "4:18",
    /too long a path/,
  ],
  ["the root as a target", "volumes: [../src:/]\n", "4:18", /not below \/|\//],
  ["one target twice", "volumes: [../src:/a, ../src:/a]\n", "4:29", /a second mount at \/a/],
  [
    "a volume's source that is missing",
    "volumes: [../srk:/a:ro]\n",
    "4:11",
    /no such file or directory\n[^]*did you mean "\.\.\/src"\?/,
  ],
  ["a home that no shell expands", "volumes: [~/x:/b]\n", "4:11", /~ is not expanded/],
  [
    "an option that is none",
    "volumes: [{ source: ../src, target: /a, options: [sync] }]\n",
    "4:51",
    /sync|nosuid/,
  ],
  [
    "options that contradict",
    "volumes: [{ source: ../src, target: /a, options: [suid, nosuid] }]\n",
    "4:50",
    /nosuid and suid exclude each other/,
  ],
  ["an access that is none", "volumes: [{ source: ../src, target: /a, access: w }]\n", "4:49", /ro or rw/],
  ["a tmpfs without a target", "tmpfs: [{ size: 1M }]\n", "4:9", /missing key "target"/],
  ["a mode that is not octal", "tmpfs: [{ target: /t, mode: 999 }]\n", "4:29", /octal|mode/],
  ["a misspelt upper", "overlay: { upper: dsk }\n", "4:19", /did you mean "disk"\?/],
  [
    "overlay options that contradict",
    "overlay: { options: { metacopy: on, redirect_dir: off } }\n",
    "4:51",
    /metacopy=on excludes/,
  ],
  ["two sources of one layer", "lowers: [{ dir: ../src, oci: x }]\n", "4:25", /a second source/],
  ["a layer that is missing", "lowers: [../nowhere]\n", "4:10", /no such file or directory/],
  ["a layer that is a symlink to itself", "lowers: [../loop]\n", "4:10", /cannot be looked at[^]*ELOOP: /],
  [
    "a volume's source that no name can be",
    `volumes: [../${"x".repeat(300)}:/a]\n`,
    "4:11",
    /cannot be looked at[^]*ENAMETOOLONG: /,
  ],
  ["a layer that is a file", "lowers: [../file]\n", "4:10", /archive|directory/],
  ["a layer that lies in another", "lowers: [../rootfs/bin]\n", "4:10", /lies below rootfs/],
  [
    "an archive with another digest",
    `lowers: [{ archive: ../file, sha256: ${"0".repeat(64)} }]\n`,
    "4:",
    /sha256|archive/,
  ],
  ["a host program that is missing", "lowers: [{ host: [/nowhere/prog] }]\n", "4:19", /no such program/],
  [
    "a source of a later version",
    "lowers: [{ squashfs: ../file }]\n",
    "4:",
    /cannot be mounted by this version/,
  ],
  ["an empty command", "entry: { command: [] }\n", "4:19", /an empty list/],
  ["a relative workdir", "entry: { workdir: src }\n", "4:19", /not an absolute path/],
  ["a user that nobody is", "entry: { user: anna }\n", "4:16", /no user "anna"\n[^]*one of root/],
  ["a group that there is none of", "entry: { user: '0:staff' }\n", "4:16", /no group "staff"/],
  ["a network that is none", "entry: { network: bridge }\n", "4:19", /not none or host/],
  ["a name twice in env", "entry: { env: [A=1, A=2] }\n", "4:21", /a second variable A/],
  ["a capability that is none", "entry: { capabilities: { drop: [NET_ROW] } }\n", "4:33", /NET_R[OA]W/],
  ["a port out of range", "entry: { ready: { tcp: 70000 } }\n", "4:24", /out of range/],
  [
    "a variable that is not set",
    "limits: { memory: '${MISSING_HERE}' }\n",
    "4:",
    /variable MISSING_HERE is not set/,
  ],
  ["a variable with its own message", "limits: { memory: '${MISSING_HERE:?ask Ana}' }\n", "4:", /ask Ana/],
  ["a substitution that is not closed", "entry: { workdir: '/${MEM' }\n", "4:", /\$\{ without \}/],
];

/** Whole files, without the sound lines. */
const WHOLE: readonly Kind[] = [
  ["an empty file", "", "1:1", /an empty file/],
  ["no rootfs", "version: 1\nname: bad\n", "1:1", /missing key "rootfs"/],
  ["another version", "version: 2\nname: bad\nrootfs: ../rootfs\n", "1:10", /version/],
  ["another name than the file's", "version: 1\nname: good\nrootfs: ../rootfs\n", "2:7", /bad/],
  ["a name that is none", "version: 1\nname: Bad Name\nrootfs: ../rootfs\n", "2:7", /name/],
  ["a list", "- a\n", "1:1", /not an environment/],
  ["one word", "hello\n", "1:1", /not an environment/],
];

/** What is not as it should be; all of it, so that one run tells. */
function wrongs(p: Project, [what, text, place, message]: Kind, head: string): readonly string[] {
  p.write("envs/bad.yaml", head + text);
  const before = tree(p.dir, { times: true });
  const plan = (): Result & { readonly took: number } => {
    const began = performance.now();
    const result = p.run(["plan", "bad"], { env: { COLUMNS: "200" } });
    return { ...result, took: performance.now() - began };
  };
  let last = plan();
  // Others want the processor, too: once more where it took long.
  for (let more = 0; more < 3 && last.took > slow(1000); more++) last = plan();
  const { stderr, stdout, code, took } = last;
  const after = tree(p.dir, { times: true });
  const held: readonly (readonly [string, boolean])[] = [
    [`exit ${code}`, code === 3 && stdout === ""],
    [`not at ${place}`, stderr.startsWith(`envs/bad.yaml:${place}`)],
    [`not ${message}`, message.test(stderr)],
    ["not one error", stderr.endsWith("\n1 error in 1 file. Nothing was changed.\n")],
    [`took ${Math.round(took)} ms`, took < slow(1000)],
    ["something was touched", isDeepStrictEqual(after, before)],
  ];
  return held.flatMap(([wrong, holds]) => (holds ? [] : [`${what}: ${wrong}\n${stderr}`]));
}

for (const [title, kinds, head] of [
  ["E5 E7 E27 C8 more than forty kinds of bad files", KINDS, HEAD],
  ["C1 files that are no environments", WHOLE, ""],
] as const) {
  test(`${title}: one message each, with its place, at once; nothing is touched`, (t) => {
    const p = project(t);
    p.write("src/x", "x");
    p.write("file", "neither a directory nor an archive");
    symlinkSync("loop", join(p.dir, "loop"));
    p.ok(["ls"]); // so that the first of them does not pay for what is read from the disk
    assert.equal(kinds.flatMap((kind) => wrongs(p, kind, head)).join("\n"), "");
    assert.ok(kinds !== KINDS || kinds.length > 40);
    assert.equal(p.exists("state"), false);
  });
}
