// An entry that runs while a test looks at it from outside; it is ended with the test at the latest.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { processesOf } from "./cgroup.ts";
import { until } from "./occupant.ts";
import type { Project, RunOptions } from "./project.ts";
import { slow } from "./slow.ts";

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
};

export type Running = {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
};

/** Starts the built command and waits for the line `up` on its standard output. */
export async function running(
  p: Project,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Running> {
  const child = p.start(args, options);
  const said: Buffer[] = [];
  child.stderr!.on("data", (data: Buffer) => said.push(data));
  const stderr = (): string => Buffer.concat(said).toString();
  const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal, stderr: stderr() }));
  p.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  let out = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    out += String(chunk);
    if (/^up$/m.test(out)) return { child, ended };
  }
  throw new Error(`envctl ${args.join(" ")} never said that it is up\n${out}${stderr()}`);
}

/** Waits until one of the environment's own processes has this command line; its number. A limit gives it a group. */
export async function executing(p: Project, argv: readonly string[]): Promise<number> {
  const line = argv.map((word) => `${word}\0`).join("");
  const find = (): number | undefined => {
    try {
      return processesOf(p).find((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8") === line);
    } catch {
      return undefined; // gone meanwhile, or the state directory not there yet
    }
  };
  let found: number | undefined;
  await until(`${argv.join(" ")} runs`, () => (found = find()) !== undefined, slow(20_000));
  return found!;
}

const INITS = ["/usr/bin", "/sbin"].flatMap((dir) =>
  ["tini", "catatonit", "dumb-init", "docker-init"].map((name) => `${dir}/${name}`),
);

/** Words in front of a command for which the host has no small init: what cannot be executed is none. */
export const WITHOUT_INIT: readonly string[] = [
  "unshare",
  "-m",
  "sh",
  "-c",
  `for at in ${INITS.join(" ")}; do [ ! -e $at ] || mount --bind /dev/null $at || exit 99; done; exec "$@"`,
  "sh",
];
