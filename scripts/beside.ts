// Test files side by side: so many processes take one after the other from the same list, the longest first. Each has a mount namespace
// and a directory for temporary files of its own, so that nothing one of them mounts or makes is seen, or kept from going, by another.
//
//   node scripts/beside.ts OPTIONS    one of these processes: its files come a line each, its results go as JSON lines
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readMounts } from "../test/support/mountinfo.ts";
import { met } from "../test/support/needs.ts";
import { runSuite, type Suite } from "./suite.ts";
import { print, resultOf, Tally } from "./tally.ts";

/** Files that take long for their size. */
const LONG =
  /\/(engine-(fail|kill-\w+|run|drift)|again|detached-(kill|stop)|pictures|readme|ready|archive|init|launch(-kill)?|crash|fuzz)\.test\.ts$/;

/** A mount table of its own. Where the machine's mounts are shared these are so too, and nobody else's peers. */
function apart(): readonly string[] {
  if (!met("root") || !met("mounts")) return [];
  const shared = readMounts().some(({ point, line }) => point === "/" && line.split(" ").includes("shared"));
  const shares = ["--propagation", "slave", "sh", "-c", 'mount --make-rshared / && exec "$@"', "sh"];
  return ["unshare", "--mount", ...(shared ? shares : ["--propagation", "private"])];
}

/** Runs the files; with one process, or one file, in this one. */
export async function runBeside(suite: Suite, jobs: number, tally: Tally): Promise<void> {
  if (Math.min(jobs, suite.files.length) < 2) return runSuite(suite, tally);
  const time = (file: string): number => statSync(file).size + (LONG.test(file) ? 1e6 : 0);
  const files = suite.files.toSorted((a, b) => time(b) - time(a));
  const all = Array.from({ length: jobs }, (_, n) => worker({ ...suite, files: [] }, files, tally, n));
  await Promise.all(all);
  for (const file of files) tally.fail(file, "was not run");
}

/** Feeds a process of its own with files as long as there are any. */
async function worker(suite: Suite, files: string[], tally: Tally, n: number): Promise<void> {
  const scratch = join(tmpdir(), `${n}`); // no longer than it has to be: paths are shown in lines of 80 characters
  mkdirSync(scratch, { recursive: true });
  chmodSync(scratch, 0o755); // tests drop to ordinary users inside it
  const words = [...apart(), process.execPath, import.meta.filename, JSON.stringify(suite)];
  const env = { ...process.env, TMPDIR: scratch, TEST_BESIDE: "1" };
  const child = spawn(words[0]!, words.slice(1), { env, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  let at: string | undefined;
  for await (const line of createInterface(child.stdout)) {
    const result = resultOf(line);
    if (line === "next") child.stdin.write(`${(at = files.shift()) ?? ""}\n`);
    else if (result === undefined) print(line);
    else tally.take(result);
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (code !== 0) tally.fail(at ?? "tests side by side", `its process ended with ${signal ?? code}`);
  const left = readdirSync(scratch);
  if (left.length === 0) rmdirSync(scratch);
  else tally.fail("guard: no temporary files left", left.map((name) => join(scratch, name)).join("\n"));
}

if (process.argv[1] === import.meta.filename) {
  const suite = JSON.parse(process.argv[2]!) as Suite;
  const tally = new Tally(true);
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
  for (;;) {
    print("next");
    const { value: file } = await lines.next();
    if (file === undefined || file === "") process.exit();
    await runSuite({ ...suite, files: [file] }, tally);
  }
}
