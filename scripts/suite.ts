// Runs test files under node:test, each in a process of its own, and tells the tally.
import { relative } from "node:path";
import { run, type EventData } from "node:test";
import { inspect } from "node:util";
import { excused } from "../test/support/needs.ts";
import { print, type Tally, time } from "./tally.ts";

export type Suite = {
  readonly files: readonly string[];
  readonly concurrency: number;
  /** Of one file, in ms. */
  readonly timeout: number;
  /** A line for every test instead of one for every file. */
  readonly everyTest: boolean;
  readonly pattern?: string | undefined;
};

type Ended = EventData.TestPass | EventData.TestFail;

const nameOf = (file: string | undefined): string =>
  file === undefined ? "" : relative(process.cwd(), file);

function titleOf({ file, name }: Ended): string {
  const short = nameOf(file);
  return name === file || name === short ? short : `${short}: ${name}`;
}

/** The error a test threw, without the runner's wrapping. */
function detailOf({ details: { error } }: EventData.TestFail): string {
  const cause = error.cause ?? error;
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
}

/** A parent fails with its children: only they are counted. */
const onlyChildren = ({ details: { error } }: EventData.TestFail): boolean =>
  "failureType" in error && error.failureType === "subtestsFailed";

export async function runSuite(suite: Suite, tally: Tally): Promise<void> {
  const { files, concurrency, timeout, pattern } = suite;
  const output = new Map<string, string>();
  const keep = ({ file = "", message }: { file?: string | undefined; message: string }): void => {
    output.set(file, (output.get(file) ?? "") + message);
  };
  const failures = new Map<string, number>();

  const stream = run({
    files,
    concurrency,
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
      } else {
        tally.skip(titleOf(event), String(reason));
      }
    } else if (event.details.type !== "suite") {
      tally.pass(titleOf(event), suite.everyTest ? event.details.duration_ms : undefined);
    }
  });
  stream.on("test:fail", (event) => {
    if (onlyChildren(event)) return;
    failures.set(event.file ?? "", (failures.get(event.file ?? "") ?? 0) + 1);
    tally.fail(titleOf(event), detailOf(event));
  });
  stream.on("test:summary", ({ file, counts, duration_ms }) => {
    if (file === undefined) return;
    const words = output.get(file) ?? "";
    if (failures.has(file) && words !== "") print(words.trimEnd().replace(/^/gm, "        | "));
    else if (!failures.has(file) && !suite.everyTest)
      print(`  ok    ${nameOf(file)} (${counts.tests} tests, ${time(duration_ms)})`);
  });
  // Reading the stream to its end is what waits for the run.
  for await (const _ of stream);
}
