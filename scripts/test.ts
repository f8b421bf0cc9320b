// The whole suite, or a part of it:  npm test -- [checks|unit|e2e|vm]… [-t PATTERN] [-j N] [-v] [FILE…]
// `--built` takes dist/ as it is, `--lines` prints JSON lines: for a machine of scripts/vm, which has nothing to build with.
// Checks and tests are counted alike, nothing stops at the first failure, and the last line holds the totals.
import { chmodSync, globSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { leftovers, snapshot } from "../test/support/guard.ts";
import { mountsBelow } from "../test/support/mountinfo.ts";
import { slow } from "../test/support/slow.ts";
import { installPackages } from "./apt.ts";
import { runBeside } from "./beside.ts";
import { type Check, checks, runCheck } from "./checks.ts";
import { exclusive } from "./exclusive.ts";
import { print, Tally } from "./tally.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pattern: { type: "string", short: "t" },
    concurrency: { type: "string", short: "j" },
    verbose: { type: "boolean", short: "v", default: false },
    built: { type: "boolean", default: false },
    lines: { type: "boolean", default: false },
  },
});
const parts = ["checks", "unit", "e2e", "vm"];
const only = positionals.filter((word) => !parts.includes(word));
const chosen = positionals.filter((word) => parts.includes(word));
/** Without words: everything, under CI on another kernel too; checks and machines only where no files are named. */
function wants(part: string): boolean {
  if (chosen.length > 0) return chosen.includes(part);
  if (part === "vm" && !process.env["CI"]) return false;
  return only.length === 0 || !["checks", "vm"].includes(part);
}
const concurrency = values.concurrency === undefined ? undefined : Number(values.concurrency);
const minutes = 60_000;

const tally = new Tally(values.lines);
process.env["NODE_COMPILE_CACHE"] ??= resolve("build/node"); // of the tests: each file's process strips the types of the same modules

async function program(check: Check): Promise<boolean> {
  const { name, ok, output, ms } = await runCheck(check);
  if (ok) tally.pass(name, ms);
  else tally.fail(name, output);
  return ok;
}

/** The part's files, or those of them that were asked for by path or by a piece of it. */
function filesOf(part: string): string[] {
  const isE2e = (file: string): boolean => file.startsWith("test/e2e/");
  return globSync("test/**/*.test.ts")
    .filter((file) => isE2e(file) === (part === "e2e"))
    .filter((file) => only.length === 0 || only.some((word) => file.includes(word.replace(/^\.\//, ""))))
    .sort();
}

function judge(title: string, lines: readonly string[]): void {
  if (lines.length === 0) tally.pass(title, 0);
  else tally.fail(title, lines.join("\n"));
}

/** Everything temporary of this run lies in one directory of its own, which must be empty again in the end. */
async function inScratch(body: () => Promise<void>): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), `envctl-test-${process.pid}-`));
  chmodSync(scratch, 0o755); // tests drop to ordinary users inside it
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = scratch;
  await body();
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
  const left = readdirSync(scratch).map((name) => join(scratch, name));
  judge("guard: no temporary files left", left);
  if (mountsBelow(scratch).length === 0) rmSync(scratch, { recursive: true });
}

/** The mount table and the cgroups must be afterwards what they were before. */
async function guarded(body: () => Promise<void>): Promise<void> {
  const then = snapshot();
  await body();
  judge("guard: mounts and cgroups are as they were", await leftovers(then));
}

async function tests(part: "unit" | "e2e"): Promise<void> {
  const files = wants(part) ? filesOf(part) : [];
  if (files.length === 0) return;
  print(`\n${part}`);
  const real = part === "e2e";
  const options = {
    files,
    timeout: slow((real ? 10 : 5) * minutes),
    everyTest: real || values.verbose,
    pattern: values.pattern,
  };
  await runBeside(options, concurrency ?? Math.min(availableParallelism(), 4), tally);
}

/** On other kernels, emulated: so many boots as there are processors share the files of one. */
async function machines(): Promise<void> {
  const { prepare, runMachine } = await import("./vm/suite.ts");
  const { machines: all, quick } = await import("./vm/machines.ts");
  let disk: string | undefined;
  for (const { machine: wanted, files } of quick) {
    const machine = all.find(({ name }) => name === wanted)!;
    const jobs = Math.min(availableParallelism(), files.length);
    try {
      disk ??= prepare();
      await runMachine(machine, disk, { files, pattern: values.pattern, jobs, minutes: 25 }, tally);
    } catch (error) {
      tally.fail(`${machine.name}: whole run`, String(error));
    }
  }
}

const e2e = wants("e2e") && filesOf("e2e").length > 0;
if (wants("checks")) {
  print("checks");
  await Promise.all(checks.map(program));
}
if (e2e) installPackages();
const built = values.built || (await program({ name: "build", command: ["node", "scripts/build.ts"] }));
await inScratch(async () => {
  if (!e2e) return tests("unit");
  await exclusive(4 * minutes);
  await guarded(async () => {
    await tests("unit");
    if (built) await tests("e2e");
  });
});
if (built && wants("vm")) await machines();
if (only.length > 0 && ["unit", "e2e"].every((part) => !wants(part) || filesOf(part).length === 0)) {
  tally.fail("nothing to run", `no test file matches ${only.join(" ")}`);
}
tally.close();
process.exitCode = tally.failed > 0 ? 1 : 0;
