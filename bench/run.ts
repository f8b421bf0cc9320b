// Measures the built command beside an empty Node program and beside other tools: `npm run bench [RUNS]`.
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { installPackages } from "../scripts/apt.ts";
import { interleave, median, type Measured, type Subject } from "./interleave.ts";
import { many } from "./many.ts";
import { candidates } from "./tools.ts";
import { Workspace } from "./workspace.ts";

const runs = Number(process.argv[2] ?? 30);
if (!Number.isInteger(runs) || runs < 1) throw new Error("usage: npm run bench [RUNS]");

/** What the project promises of itself: the median beside an empty Node program's in the same run. */
const TARGETS: Readonly<Record<string, number>> = {
  "envctl plan, nothing to do": 1.6,
  "envctl run --rm /bin/true": 2.6,
  "envctl run --rm, an ordinary user": 4,
  "envctl exec, into a detached run": 2.2,
};

function print(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  for (const row of rows) process.stdout.write(`${line(row).trimEnd()}\n`);
  process.stdout.write("\n");
}

const ms = (value: number): string => value.toFixed(1);

function table(all: readonly Measured[], remarks: ReadonlyMap<string, string>): void {
  const base = all[0]!;
  const rows = all.map((m) => {
    const ratio = median(m.ms) / median(base.ms);
    const target = TARGETS[m.name];
    const promise = target === undefined ? "" : `${ratio <= target ? "≤" : ">"} ${target}`;
    return [
      m.name,
      ms(median(m.ms)),
      ms(m.ms[0]!),
      ms(m.cpu),
      ratio.toFixed(2),
      promise,
      remarks.get(m.name) ?? "",
    ];
  });
  print([["wall and CPU time, ms", "median", "least", "CPU", "ratio", "promised", "without"], ...rows]);
}

function machine(): string {
  const [load] = loadavg();
  return `node ${process.version}, Linux ${release()}, ${availableParallelism()} × ${cpus()[0]?.model.trim()}, load ${load!.toFixed(1)}`;
}

installPackages();
const w = new Workspace();
const others = candidates(w);
try {
  w.envctl("apply", "-y", "-q", "applied");
  w.envctl("run", "-d", "applied", "--", "sleep", "1000000");
  const envctl = (name: string, ...args: string[]): Subject => ({
    name,
    argv: w.command(...args),
    cwd: w.dir,
    env: w.env,
  });
  const subjects: readonly Subject[] = [
    { name: "empty Node program", argv: [process.execPath, `${w.dir}/empty.js`] },
    envctl("envctl --version", "--version"),
    envctl("envctl plan, nothing to do", "plan", "applied"),
    envctl("envctl drift, none", "drift", "applied"),
    envctl("envctl apply, nothing to do", "apply", "-y", "applied"),
    envctl("envctl run, applied", "run", "applied"),
    envctl("envctl run --rm /bin/true", "run", "--rm", "applied"),
    envctl("envctl run --rm, file not seen before", "run", "--rm", "fresh"),
    { name: "envctl run --rm, an ordinary user", ...w.asUser("run", "--rm", "applied"), cwd: w.dir },
    envctl("envctl exec, into a detached run", "exec", "applied", "--", "true"),
    ...others.subjects,
  ];
  process.stdout.write(`${machine()}; ${runs} runs of each in turn\n\n`);
  table(interleave(subjects, runs, 3), new Map(others.subjects.map((s) => [s.name, s.without])));
  for (const { name, why } of others.missing) process.stdout.write(`not measured: ${name}: ${why}\n`);
  const all = many(w, 100, 25, Math.max(3, Math.ceil(runs / 6)));
  const [ours, loop] = all;
  const faster = median(ours!.ms) < median(loop!.ms);
  process.stdout.write("\n");
  print([
    ["one overlay and four volumes each, ms", "median", "least"],
    ...all.map((m) => [m.name, ms(median(m.ms)), ms(m.ms[0]!)]),
  ]);
  process.stdout.write(
    `100 environments are applied in ${faster ? "less" : "MORE"} time than mount(8) takes for 25.\n`,
  );
} finally {
  others.cleanUp();
  w.close();
}
