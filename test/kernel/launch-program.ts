// Launches in a process of its own, so that tests can read what the entry prints, kill this process, or start it elsewhere.
// The argument is a list of jobs as JSON; what happened is written to DIR/result.json of the first.
import { readFileSync, writeFileSync } from "node:fs";
import { join, type AbsPath } from "#model/brand";
import { Failure } from "#model/diagnostic";
import { linuxLaunch } from "#kernel/launch";
import { linuxReader } from "#kernel/reader";
import { prepare } from "#launch/prepare";
import { mountsBelow, surroundings } from "./fixture.ts";
import { launchOf, NOT_ASKED, type Job, type Outcome } from "./launch-fixture.ts";

const jobs = JSON.parse(process.argv[2] ?? "") as [Job, ...Job[]];
const reader = linuxReader({ uid: 0, pid: process.pid });
const outcomes: Outcome[] = [];
const children = (): string => readFileSync("/proc/thread-self/children", "utf8").trim();
const report = (): void => writeFileSync(join(jobs[0].dir, "result.json"), JSON.stringify(outcomes));

for (const [index, job] of jobs.entries()) {
  const port = linuxLaunch({
    outside: NOT_ASKED,
    keepsFilter: true,
    onChild: (wake) => void process.on("SIGCHLD", wake),
    ...(job.pidns === false ? { pidns: false } : {}),
    ...(job.sh === undefined ? {} : { sh: job.sh }),
  });
  const look = (): unknown => [surroundings(), mountsBelow(job.dir)];
  const before = look();
  try {
    const { spec, build } = launchOf(job);
    const running = port.launch(spec, build, (root: AbsPath) => prepare(reader, spec, root));
    const launched = { before, after: look(), pid: running.pid };
    outcomes[index] = { ...launched, children: children() };
    report();
    const ending = await running.ended;
    outcomes[index] = { ...launched, ending, children: children() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { summary, code } = error.diagnostics[0]!;
    outcomes[index] = {
      before,
      after: look(),
      children: children(),
      failure: { exit: error.exit, code, summary },
    };
  }
}
report();
