// Programs that are run to their end and whose failure is an error with everything they said.
import { spawnSync } from "node:child_process";

/** Standard output of a program. @throws Error with its words where it does not end with 0 */
export function output(program: string, args: readonly string[], cwd?: string): string {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const done = spawnSync(program, args, {
    env,
    encoding: "utf8",
    maxBuffer: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (done.error !== undefined) throw done.error;
  if (done.status === 0) return done.stdout;
  throw new Error(
    `${program} ${args.join(" ")} ended with ${done.status ?? done.signal}\n${done.stdout}${done.stderr}`,
  );
}

/** Runs a line of shell in a directory; `$1`, `$2`, … are `args`. */
export const sh = (cwd: string, script: string, ...args: readonly string[]): string =>
  output("sh", ["-euc", script, "sh", ...args], cwd);
