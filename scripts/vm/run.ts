// The end-to-end tests on other kernels and layouts of cgroups, in small machines made here:
//   npm run test:vm -- [MACHINE…] [-t PATTERN] [--file PIECE]… [-j N] [--minutes N] [--shell | --run LINE | --list | --table]
// Without a machine: all of them. `-j` lets so many boots share the files of a machine. Results go into docs/kernels.md.
import { parseArgs } from "node:util";
import { runCheck } from "../checks.ts";
import { print, Tally } from "../tally.ts";
import { type Machine, machines } from "./machines.ts";
import { prepare, runMachine, type Selection, start } from "./suite.ts";
import { keeper } from "./results.ts";
import { writeTable } from "./table.ts";

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
    table: { type: "boolean", default: false },
  },
});

function chosen(): readonly Machine[] {
  const names = machines.map(({ name }) => name);
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no machine ${unknown.join(", ")}: there are ${names.join(", ")}`);
  return positionals.length > 0 ? machines.filter(({ name }) => positionals.includes(name)) : machines;
}

/** One machine for somebody to look around in, or for one line of shell. */
async function visit([machine]: readonly Machine[], disk: string, minutes: number): Promise<void> {
  const terminal = [`TERM=${process.env["TERM"] ?? "linux"}`, "PS1=vm:\\w# ", "bash", "--norc", "-i"];
  const line = ["sh", "-c", values.run ?? ""];
  await start(
    machine!,
    disk,
    values.shell ? ["shell", ...terminal] : ["batch", ...line],
    minutes,
    (text) => void (text.startsWith('{"done":') || print(text)),
  );
}

async function main(): Promise<void> {
  const some = chosen();
  if (values.list) return some.forEach(({ name }) => print(name));
  if (values.table) return writeTable();
  const built = await runCheck({ name: "build", command: ["node", "scripts/build.ts"] });
  if (!built.ok) throw new Error(built.output);
  const disk = prepare();
  const { pattern, file: files } = values;
  const keep = new Map(some.map(({ name }) => [name, keeper(name, pattern === undefined)]));
  const selection: Selection = {
    files,
    pattern,
    jobs: Number(values.jobs),
    minutes: Number(values.minutes),
    each: ({ name }, result) => keep.get(name)!(result),
  };
  if (values.shell || values.run !== undefined) return visit(some, disk, selection.minutes);
  const tally = new Tally();
  for (const machine of some) {
    await runMachine(machine, disk, selection, tally);
    if (!process.env["CI"]) writeTable();
  }
  tally.close();
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

await main();
