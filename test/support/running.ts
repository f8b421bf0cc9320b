// An entry that runs while a test looks at it from outside; it is ended with the test at the latest.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Project, RunOptions } from "./project.ts";

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
