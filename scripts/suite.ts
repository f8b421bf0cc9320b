// Runs test files under node:test, one after the other, each in a process of its own, and tells the tally.
import { relative, resolve } from "node:path";
import { run, type EventData } from "node:test";
import { inspect } from "node:util";
import { excused } from "../test/support/needs.ts";
import { print, type Tally, time } from "./tally.ts";

export type Suite = {
  readonly files: readonly string[];
  /** Of one file, in ms. */
  readonly timeout: number;
  /** A line for every test instead of one for every file. */
  readonly everyTest: boolean;
  readonly pattern?: string | undefined;
};

/** `file` is where a test or hook was written, `entryFile` the test file whose process it ran in. */
type Placed = { readonly file?: string | undefined; readonly entryFile?: string };

const fileOf = ({ entryFile, file = "" }: Placed): string => relative(process.cwd(), entryFile ?? file);

function titleOf(event: EventData.TestPass | EventData.TestFail): string {
  const file = fileOf(event);
  return resolve(event.name) === resolve(file) ? file : `${file}: ${event.name}`;
}

/** An error's stack, then that of what caused it: fast-check says only there which assertion failed. */
function stacks({ stack, message, cause }: Error): string {
  return `${stack ?? message}${cause instanceof Error ? `\ncaused by ${stacks(cause)}` : ""}`;
}

/** The error a test threw, without the runner's wrapping. */
function detailOf({ details: { error } }: EventData.TestFail): string {
  const cause = error.cause ?? error;
  if (cause instanceof Error) return stacks(cause);
  const { exitCode, signal } = error as { exitCode?: number; signal?: string };
  const end = signal ?? (exitCode === undefined ? "" : `exit status ${exitCode}`);
  return `${typeof cause === "string" ? cause : inspect(cause)} ${end}`;
}

/** A parent fails with its children: only they are counted. */
const onlyChildren = ({ details: { error } }: EventData.TestFail): boolean =>
  "failureType" in error && error.failureType === "subtestsFailed";

export async function runSuite(suite: Suite, tally: Tally): Promise<void> {
  const output = new Map<string, string>();
  const failed = new Set<string>();
  const keep = (event: Placed & { readonly message: string }): void => {
    output.set(fileOf(event), (output.get(fileOf(event)) ?? "") + event.message);
  };
  const flush = (file: string): void => {
    const words = failed.has(file) ? (output.get(file) ?? "").trimEnd() : "";
    if (words !== "") print(words.replace(/^/gm, "        | "));
    output.delete(file);
  };

  const { timeout, pattern } = suite;
  const stream = run({
    files: suite.files.map((file) => resolve(file)),
    concurrency: 1,
    timeout,
    ...(pattern === undefined ? {} : { testNamePatterns: pattern }),
  });
  stream.on("test:stdout", keep);
  stream.on("test:stderr", keep);
  stream.on("test:pass", (event) => {
    const reason = event.skip ?? event.todo;
    if (reason !== undefined && reason !== false) {
      if (process.env["CI"] && !excused(reason)) {
        tally.fail(titleOf(event), `skipped (${String(reason)}), which this machine gives no reason for`);
        failed.add(fileOf(event));
      } else {
        tally.skip(titleOf(event), String(reason));
      }
    } else if (event.details.type !== "suite") {
      tally.pass(titleOf(event), suite.everyTest ? event.details.duration_ms : undefined);
    }
  });
  stream.on("test:fail", (event) => {
    if (onlyChildren(event)) return;
    failed.add(fileOf(event));
    tally.fail(titleOf(event), detailOf(event));
  });
  stream.on("test:summary", (event) => {
    if (event.file === undefined) return;
    const file = fileOf(event);
    if (!failed.has(file) && !suite.everyTest) {
      print(`  ok    ${file} (${event.counts.tests} tests, ${time(event.duration_ms)})`);
    }
    flush(file);
  });
  // Reading the stream to its end is what waits for the run.
  for await (const _ of stream);
  for (const file of output.keys()) flush(file); // of files that ended without a summary
}
