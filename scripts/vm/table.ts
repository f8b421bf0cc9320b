// docs/kernels.md: which acceptance rows hold on which kernel, written from what the machines reported.
import { readFileSync, writeFileSync } from "node:fs";
import type { Result } from "../tally.ts";
import { machines } from "./machines.ts";
import { fileOf, kept } from "./results.ts";

const PAGE = "docs/kernels.md";
const [BEGIN, END] = ["<!-- written by npm run test:vm -->", "<!-- to here -->"];

/** A row's result on a machine, as the table shows it: `yes`, `no`, `lacks …`, or how much was run. */
type Cell = string;
/** By row, by machine. */
type Rows = Map<string, Map<string, Cell>>;

/** The row of all that was run, tests of no acceptance row included. */
const ALL = "all";

/** The number a test's title starts with: `test/e2e/x.test.ts: A14 a title`. */
const rowOf = (title: string): string | undefined => /: ([A-F]\d+) /.exec(title)?.[1];

/** One test of a row that fails is enough; a row whose tests were all skipped lacks something. */
function cellOf(results: readonly Result[]): Cell {
  if (results.some(({ result }) => result === "fail")) return "no";
  const skipped = results.find(({ result }) => result === "skip");
  return skipped === undefined || results.some(({ result }) => result === "pass")
    ? "yes"
    : `lacks ${(skipped.detail ?? "").replace(/^needs /, "")}`;
}

/** How many files and tests were run, and how they ended. */
function whole(results: readonly Result[]): Cell {
  const { pass = [], fail = [], skip = [] } = Object.groupBy(results, ({ result }) => result);
  const files = new Set(results.map(fileOf)).size;
  const more = [fail.length > 0 && `${fail.length} failed`, skip.length > 0 && `${skip.length} skipped`];
  return [`${files} files: ${pass.length} passed`, ...more.filter(Boolean)].join(", ");
}

function read(page: string): Rows {
  const names = machines.map(({ name }) => name);
  const table = page.slice(page.indexOf(BEGIN), page.indexOf(END)).split("\n");
  const lines = table
    .filter((line) => /^\| ([A-F]\d+|all) /.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  return new Map(
    lines.map(([, row = "", ...cells]) => [
      row,
      new Map(names.map((name, index) => [name, cells[index] ?? ""])),
    ]),
  );
}

function show(rows: Rows): string {
  const names = machines.map(({ name }) => name);
  const order = (row: string): string => (row === ALL ? "" : row[0] + row.slice(1).padStart(4, "0"));
  const lines = [...rows]
    .sort(([a], [b]) => (order(a) < order(b) ? -1 : 1))
    .map(([row, cells]) => `| ${[row, ...names.map((name) => cells.get(name) ?? "")].join(" | ")} |`);
  return [`| row | ${names.join(" | ")} |`, `|---|${names.map(() => "---|").join("")}`, ...lines].join("\n");
}

/** Brings the page's table up to date: a machine that was run here has its column anew, any other keeps the page's. */
export function writeTable(): void {
  const page = readFileSync(PAGE, "utf8");
  const rows = read(page);
  for (const { name } of machines) {
    const results = kept(name);
    if (results.length > 0) fill(rows, name, results);
  }
  for (const [row, cells] of rows) if (![...cells.values()].some((cell) => cell !== "")) rows.delete(row);
  const [before, after] = [page.slice(0, page.indexOf(BEGIN)), page.slice(page.indexOf(END))];
  writeFileSync(PAGE, `${before}${BEGIN}\n${show(rows)}\n${after}`);
}

function fill(rows: Rows, machine: string, results: readonly Result[]): void {
  for (const cells of rows.values()) cells.delete(machine);
  const put = (row: string, cell: Cell): void =>
    void rows.set(row, (rows.get(row) ?? new Map<string, Cell>()).set(machine, cell));
  put(ALL, whole(results));
  for (const [row, group] of Map.groupBy(results, ({ title }) => rowOf(title)))
    if (row !== undefined) put(row, cellOf(group));
}
