// The end-to-end tests on other kernels and layouts of cgroups, in small machines made here:
//   npm run test:vm -- [MACHINE…] [-t PATTERN] [--file PIECE]… [-j N] [--minutes N] [--shell | --run LINE | --list]
// Without a machine: all of them. `-j` lets so many boots share the files of a machine. Whole runs write docs/kernels.md.
import { globSync, mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { installPackages } from "../apt.ts";
import { runCheck } from "../checks.ts";
import { print, type Result, Tally } from "../tally.ts";
import { boot, type Boot } from "./boot.ts";
import { debianRoot, fetchKernel } from "./debian.ts";
import { makeDisk } from "./disk.ts";
import { kernelOf } from "./initrd.ts";
import { type Machine, machines, tools } from "./machines.ts";
import { record } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pattern: { type: "string", short: "t" },
    file: { type: "string", multiple: true, default: [] },
    jobs: { type: "string", short: "j", default: "1" },
    minutes: { type: "string", default: "120" },
    shell: { type: "boolean", default: false },
    run: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
/** Emulated, what takes a second takes about ten; without V8's compilers, whose code would be translated again, a third less. */
const SETTINGS = ["CI=1", "TEST_SLOWNESS=10", "TEST_NODE_OPTIONS=--jitless"];
const TERMINAL = [`TERM=${process.env["TERM"] ?? "linux"}`, "PS1=vm:\\w# ", "bash", "--norc", "-i"];
const dir = resolve("build/vm");
const whole = values.pattern === undefined && values.file.length === 0;
const tally = new Tally();

function chosen(): readonly Machine[] {
  const names = machines.map(({ name }) => name);
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no machine ${unknown.join(", ")}: there are ${names.join(", ")}`);
  return positionals.length > 0 ? machines.filter(({ name }) => positionals.includes(name)) : machines;
}

/** The test files in so many lots of about the same size, which is about the time they take. */
function lots(): readonly (readonly string[])[] {
  const files = globSync("test/e2e/*.test.ts")
    .filter((file) => whole || values.file.length === 0 || values.file.some((piece) => file.includes(piece)))
    .map((file) => ({ file, size: statSync(file).size }))
    .sort((a, b) => b.size - a.size);
  const all = Array.from({ length: Number(values.jobs) }, () => ({ files: [] as string[], size: 0 }));
  for (const { file, size } of files) {
    const least = all.reduce((a, b) => (b.size < a.size ? b : a));
    least.files.push(file);
    least.size += size;
  }
  return all.map(({ files }) => files.sort()).filter((lot) => lot.length > 0);
}

function bootOf(machine: Machine, disk: string, command: Boot["command"]): Boot {
  const deb = fetchKernel(machine.kernel, `${dir}/kernels`);
  const kernel = kernelOf(deb, `${debianRoot(dir)}/usr/bin/busybox`, `${dir}/kernels`);
  return { machine, kernel, disk, command, limit: Number(values.minutes) * 60_000 };
}

type Said = Result | { readonly done: number };

/** A line of the machine: a result of its suite, or words. */
function understood(line: string): Said | undefined {
  try {
    const said: unknown = JSON.parse(line);
    return typeof said === "object" && said !== null && ("result" in said || "done" in said)
      ? (said as Said)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Runs files in a machine, counts what it reports and shows its other words as they come. */
async function runLot(machine: Machine, disk: string, files: readonly string[]): Promise<readonly Result[]> {
  const pattern = values.pattern === undefined ? [] : ["-t", values.pattern];
  const suite = ["node", "scripts/test.ts", "--built", "--lines", "e2e", ...pattern, ...files];
  const results: Result[] = [];
  let done: number | undefined;
  await boot(bootOf(machine, disk, ["batch", ...SETTINGS, ...suite]), (line) => {
    const said = understood(line);
    if (said === undefined) print(line);
    else if ("done" in said) done = said.done;
    else {
      results.push(said);
      count(machine, said);
    }
  });
  if (done === undefined) throw new Error("the machine went off before its suite was through");
  return results;
}

function count({ name }: Machine, { result, title, detail = "", ms = 0 }: Result): void {
  if (result === "pass") tally.pass(`${name}: ${title}`, ms);
  else tally[result](`${name}: ${title}`, detail);
}

async function runMachine(machine: Machine, disk: string): Promise<void> {
  print(`\n${machine.name}`);
  const runs = await Promise.allSettled(lots().map((files) => runLot(machine, disk, files)));
  const results = runs.flatMap((run) => (run.status === "fulfilled" ? run.value : []));
  for (const run of runs) {
    if (run.status === "rejected") tally.fail(`${machine.name}: whole run`, String(run.reason));
  }
  if (!results.some(({ title }) => title.startsWith("test/")))
    tally.fail(`${machine.name}: whole run`, "no test ran");
  else if (whole && !process.env["CI"]) record(machine.name, results);
}

async function main(): Promise<void> {
  if (values.list) return void machines.forEach(({ name }) => print(name));
  const [first, ...rest] = chosen();
  mkdirSync(dir, { recursive: true });
  installPackages(tools);
  const built = await runCheck({ name: "build", command: ["node", "scripts/build.ts"] });
  if (!built.ok) throw new Error(built.output);
  const disk = makeDisk(dir);
  if (values.shell) return boot(bootOf(first!, disk, ["shell", ...TERMINAL]), print);
  if (values.run !== undefined) return boot(bootOf(first!, disk, ["batch", "sh", "-c", values.run]), print);
  for (const machine of [first!, ...rest]) await runMachine(machine, disk);
  tally.close();
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

await main();
