// The end-to-end tests on other kernels and layouts of cgroups, in small machines made here:
//   npm run test:vm -- [MACHINE…] [-t PATTERN] [--file PIECE]… [--minutes N] [--shell | --run LINE | --list]
// Without a machine: all of them, one after the other. Whole runs write docs/kernels.md.
import { mkdirSync } from "node:fs";
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
    minutes: { type: "string", default: "60" },
    shell: { type: "boolean", default: false },
    run: { type: "string" },
    list: { type: "boolean", default: false },
  },
});
/** Emulated, what takes a second takes about ten; without V8's compilers, whose code would be translated again, a third less. */
const SETTINGS = ["CI=1", "TEST_SLOWNESS=10", "TEST_NODE_OPTIONS=--jitless"];
const dir = resolve("build/vm");
const tally = new Tally();

function chosen(): readonly Machine[] {
  const unknown = positionals.filter((name) => !machines.some((machine) => machine.name === name));
  if (unknown.length > 0)
    throw new Error(
      `no machine ${unknown.join(", ")}: there are ${machines.map(({ name }) => name).join(", ")}`,
    );
  const some = positionals.length > 0 ? machines.filter(({ name }) => positionals.includes(name)) : machines;
  return values.shell || values.run !== undefined ? some.slice(0, 1) : some;
}

function bootOf(machine: Machine, disk: string): Boot {
  const deb = fetchKernel(machine.kernel, `${dir}/kernels`);
  const kernel = kernelOf(deb, `${debianRoot(dir)}/usr/bin/busybox`, `${dir}/kernels`);
  const words = values.pattern === undefined ? [] : ["-t", values.pattern];
  const suite = ["node", "scripts/test.ts", "--built", "--lines", "e2e", ...words, ...values.file];
  const terminal = [
    "shell",
    `TERM=${process.env["TERM"] ?? "linux"}`,
    "PS1=vm:\\w# ",
    "bash",
    "--norc",
    "-i",
  ] as const;
  const line = values.run === undefined ? undefined : (["batch", "sh", "-c", values.run] as const);
  const tests = ["batch", ...SETTINGS, ...suite] as const;
  const command = values.shell ? terminal : (line ?? tests);
  return { machine, kernel, disk, command, limit: Number(values.minutes) * 60_000 };
}

/** Counts what a machine reports and shows its other words as they come. */
async function suite(machine: Machine, disk: string): Promise<void> {
  const results: Result[] = [];
  let done: number | undefined;
  print(`\n${machine.name}`);
  try {
    await boot(bootOf(machine, disk), (line) => {
      const said = line.startsWith("{")
        ? (JSON.parse(line) as Result | { readonly done: number })
        : undefined;
      if (said === undefined) print(line);
      else if ("done" in said) done = said.done;
      else results.push(said);
      if (said !== undefined && "result" in said) count(machine, said);
    });
    if (done === undefined) throw new Error("the machine went off before its suite was through");
    if (!results.some(({ result }) => result === "pass"))
      throw new Error(`no test ran: it ended with ${done}`);
  } catch (error) {
    return tally.fail(`${machine.name}: whole run`, error instanceof Error ? error.message : String(error));
  }
  if (values.pattern === undefined && values.file.length === 0 && !process.env["CI"])
    record(machine.name, results);
}

function count({ name }: Machine, { result, title, detail = "", ms = 0 }: Result): void {
  if (result === "pass") tally.pass(`${name}: ${title}`, ms);
  else tally[result](`${name}: ${title}`, detail);
}

async function main(): Promise<void> {
  if (values.list) return void machines.forEach(({ name }) => print(name));
  const some = chosen();
  mkdirSync(dir, { recursive: true });
  installPackages(tools);
  const built = await runCheck({ name: "build", command: ["node", "scripts/build.ts"] });
  if (!built.ok) throw new Error(built.output);
  const disk = makeDisk(dir);
  if (values.shell || values.run !== undefined) return boot(bootOf(some[0]!, disk), print);
  for (const machine of some) await suite(machine, disk);
  tally.close();
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

await main();
