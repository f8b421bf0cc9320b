// Runs end-to-end test files in a machine and tells the tally what it reports.
import { globSync, mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { installPackages } from "../apt.ts";
import { print, type Result, type Tally } from "../tally.ts";
import { boot, type Boot } from "./boot.ts";
import { debianRoot, fetchKernel } from "./debian.ts";
import { makeDisk } from "./disk.ts";
import { kernelOf } from "./initrd.ts";
import { type Machine, tools } from "./machines.ts";

/** Emulated, what takes a second takes about ten; without V8's compilers, whose code would be translated again, a third less. */
const SETTINGS = [
  "CI=1",
  `TEST_SLOWNESS=${process.env["TEST_SLOWNESS"] ?? 10}`,
  "TEST_NODE_OPTIONS=--jitless",
  "NODE_COMPILE_CACHE=/var/cache/node", // of the tests: each file's process strips the types of the same twenty modules
];
const dir = resolve("build/vm");

export type Selection = {
  /** Pieces of the names of files; none: all files. */
  readonly files: readonly string[];
  /** Of the tests' titles. */
  readonly pattern?: string | undefined;
  /** How many boots share the files. */
  readonly jobs: number;
  /** How long a boot may take. */
  readonly minutes: number;
  /** Gets each result as it comes. */
  readonly each?: (machine: Machine, result: Result) => void;
};

/** Makes the machines' disk from dist/ and the tests as they are now. @throws Error with the words of what failed */
export function prepare(): string {
  mkdirSync(dir, { recursive: true });
  const lacking = installPackages(tools);
  if (lacking.length > 0)
    throw new Error(`small machines need what is not installed here: ${lacking.join(" ")}`);
  return makeDisk(dir);
}

/** Boots a machine with a command. */
export function start(
  machine: Machine,
  disk: string,
  command: Boot["command"],
  minutes: number,
  line: (text: string) => void,
): Promise<void> {
  const deb = fetchKernel(machine.kernel, `${dir}/kernels`);
  const kernel = kernelOf(deb, `${debianRoot(dir)}/usr/bin/busybox`, `${dir}/kernels`);
  return boot({ machine, kernel, disk, command, limit: minutes * 60_000 }, line);
}

/** The test files in so many lots of about the same size, which is about the time they take. */
function lots({ files, jobs }: Selection): readonly (readonly string[])[] {
  const sizes = globSync("test/e2e/*.test.ts")
    .filter((file) => files.length === 0 || files.some((piece) => file.includes(piece)))
    .map((file) => ({ file, size: statSync(file).size }))
    .sort((a, b) => b.size - a.size);
  const all = Array.from({ length: jobs }, () => ({ files: [] as string[], size: 0 }));
  for (const { file, size } of sizes) {
    const least = all.reduce((a, b) => (b.size < a.size ? b : a));
    least.files.push(file);
    least.size += size;
  }
  return all.map((lot) => lot.files.sort()).filter((lot) => lot.length > 0);
}

type Said = Result | { readonly done: number };

/** A line of the machine: a result of its suite, or words. */
function understood(line: string): Said | undefined {
  try {
    const said: unknown = JSON.parse(line);
    const known = typeof said === "object" && said !== null && ("result" in said || "done" in said);
    return known ? (said as Said) : undefined;
  } catch {
    return undefined;
  }
}

/** Runs files in a machine and shows its words as they come. */
async function runLot(
  machine: Machine,
  disk: string,
  files: readonly string[],
  { pattern, minutes, each }: Selection,
  tally: Tally,
): Promise<number> {
  const words = pattern === undefined ? [] : ["-t", pattern];
  // One after the other: the root group of cgroup v2 is everybody's, and both its processors are one thread here.
  const suite = ["node", "scripts/test.ts", "--built", "--lines", "-j", "1", "e2e", ...words, ...files];
  let tests = 0;
  let done = false;
  await start(machine, disk, ["batch", ...SETTINGS, ...suite], minutes, (line) => {
    const said = understood(line);
    if (said === undefined) print(line);
    else if ("done" in said) done = true;
    else {
      if (said.title.startsWith("test/")) tests++;
      each?.(machine, said);
      count(machine, said, tally);
    }
  });
  if (!done) throw new Error("it went off before its suite was through");
  return tests;
}

function count({ name }: Machine, { ms = 0, ...result }: Result, tally: Tally): void {
  tally.take({ ...result, ms, title: `${name}: ${result.title}` });
}

/** The suite in one machine. */
export async function runMachine(
  machine: Machine,
  disk: string,
  selection: Selection,
  tally: Tally,
): Promise<void> {
  print(`\n${machine.name}`);
  const runs = await Promise.allSettled(
    lots(selection).map((files) => runLot(machine, disk, files, selection, tally)),
  );
  for (const run of runs) {
    if (run.status === "rejected") tally.fail(`${machine.name}: whole run`, String(run.reason));
    else if (run.value === 0) tally.fail(`${machine.name}: whole run`, "no test ran");
  }
}
