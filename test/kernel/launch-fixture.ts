import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { join, type AbsPath, type EnvId } from "#model/brand";
import { capabilitiesOf } from "#model/capabilities";
import type { Ending, LaunchSpec } from "#model/launch";
import type { OwnedCgroup } from "#model/record";
import type { Entry } from "#model/spec";
import type { Stage } from "#ports/mounts";
import type { LaunchOptions } from "#kernel/launch";
import { busyboxRootfs } from "#test/project";

const PROGRAM: string = fileURLToPath(new URL("launch-program.ts", import.meta.url));

/** A launch on a busybox rootfs in `dir`. `pidns: false` forces the fallback of older kernels. */
export type Job = {
  readonly dir: AbsPath;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  readonly network?: "none" | "host";
  readonly cgroups?: readonly OwnedCgroup[];
  /** `add` and `drop` of entry.capabilities. */
  readonly capabilities?: Entry["capabilities"];
  readonly pidns?: false;
  /** A host shell to go through. */
  readonly sh?: string;
  /** DIR/merged is mounted already. */
  readonly applied?: true;
};

export type Outcome = {
  readonly pid?: number;
  readonly ending?: Ending;
  readonly failure?: { readonly exit: number; readonly code: string; readonly summary: string };
  /** Of the launching process: before the launch, and once it returned. */
  readonly before: unknown;
  readonly after: unknown;
  /** Its children once the entry ended. */
  readonly children: string;
};

/** What no launch asks for that has no terminal. */
export const NOT_ASKED: LaunchOptions["outside"] = {
  stdin: () => assert.fail("stdin"),
  stdout: () => assert.fail("stdout"),
  onSignal: () => assert.fail("a signal"),
};

/** Fails unless a launch left its process and the machine as they were. */
export function assertUnchanged({ before, after, children }: Outcome): void {
  assert.deepEqual(after, before);
  assert.equal(children, "");
}

/** The directories of an environment below `dir`: rootfs, upper, work, merged. */
export function prepareDir(dir: AbsPath): AbsPath {
  busyboxRootfs(join(dir, "rootfs"));
  for (const name of ["upper", "work", "merged"]) mkdirSync(join(dir, name));
  return dir;
}

export function launchOf(job: Job): { readonly spec: LaunchSpec; readonly build: (stage: Stage) => AbsPath } {
  const { dir, command, user, network = "none", capabilities = { add: [], drop: [] } } = job;
  const merged = join(dir, "merged");
  const spec: LaunchSpec = {
    id: "test-00000000" as EnvId,
    root: { kind: "applied", merged },
    command,
    env: { PATH: "/bin", ...job.env },
    workdir: job.workdir ?? "/",
    hostname: "inside",
    network,
    terminal: false,
    init: false,
    capabilities: capabilitiesOf({ network, capabilities }, -1n),
    cgroups: job.cgroups ?? [],
    ...(user === undefined ? {} : { user }),
  };
  const overlay = {
    tag: "envctl:test",
    lowers: [join(dir, "rootfs")],
    rw: { upper: join(dir, "upper"), work: join(dir, "work") },
    options: {},
  };
  const build = (stage: Stage): AbsPath => {
    if (job.applied === undefined) stage.overlay(overlay, merged);
    return merged;
  };
  return { spec, build };
}

/** What the launching process left to say; nothing where it was killed before it could. */
export function outcomesOf(dir: AbsPath): readonly Outcome[] {
  try {
    return JSON.parse(readFileSync(join(dir, "result.json"), "utf8")) as Outcome[];
  } catch {
    return [];
  }
}

// A mount table of its own, in which nobody else mounts meanwhile.
export const ALONE: readonly string[] = ["unshare", "--mount", "--propagation", "private"];

/** The command line of a process that carries out jobs one after the other. */
export function programFor(jobs: readonly Job[]): readonly [string, ...string[]] {
  return [process.execPath, PROGRAM, JSON.stringify(jobs)];
}

export type Launched = Outcome & { readonly stdout: string; readonly stderr: string };

/** Runs one launch in a process of its own, below `wrapper` (`strace …`). */
export function launch(job: Job, wrapper: readonly string[] = ALONE, input = ""): Launched {
  const [file = "", ...args] = [...wrapper, ...programFor([job])];
  const { stdout, stderr } = spawnSync(file, args, { encoding: "utf8", input, timeout: 60_000 });
  const [outcome] = outcomesOf(job.dir);
  if (outcome === undefined) throw new Error(`nothing was reported: ${stderr}`);
  return { ...outcome, stdout, stderr };
}

/** Several in one process, one after the other; what they print is not kept. */
export function launchAll(jobs: readonly [Job, ...Job[]]): readonly Outcome[] {
  const [file = "", ...args] = [...ALONE, ...programFor(jobs)];
  const { stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 60_000 });
  const outcomes = outcomesOf(jobs[0].dir);
  if (outcomes.length !== jobs.length)
    throw new Error(`${outcomes.length} of ${jobs.length} launches were reported: ${stderr}`);
  return outcomes;
}

/** Starts a shell script inside and answers what it printed; it must succeed. */
export function inside(job: Omit<Job, "command">, script: string): string {
  const { stdout, stderr, ending, failure } = launch({ ...job, command: ["sh", "-c", script] });
  if (ending === undefined || !("code" in ending) || ending.code !== 0) {
    throw new Error(`the entry ended with ${JSON.stringify(ending ?? failure)}: ${stdout}${stderr}`);
  }
  return stdout;
}

/** Processes that have `word` among their arguments, zombies left out. */
export function processesWith(
  word: string,
  fits: (argv: readonly string[]) => boolean = () => true,
): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const argv = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return argv.includes(word) && fits(argv) ? [Number(name)] : [];
    } catch {
      return []; // gone meanwhile
    }
  });
}

/** Waits for a process that has `word` among its arguments. */
export async function processWith(
  word: string,
  fits?: (argv: readonly string[]) => boolean,
): Promise<number> {
  for (let waited = 0; waited < 20_000; waited += 5) {
    const [pid] = processesWith(word, fits);
    if (pid !== undefined) return pid;
    await setTimeout(5);
  }
  throw new Error(`no process has ${word} among its arguments`);
}
