// Every check of the suite that is a program of its own: name, and the words after node_modules/.bin/.
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

export type Check = { readonly name: string; readonly command: readonly string[] };
export type Outcome = {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly ms: number;
};

export const checks: readonly Check[] = [
  { name: "typecheck", command: ["tsc"] },
  { name: "lint", command: ["oxlint", "--deny-warnings"] },
  { name: "format:check", command: ["oxfmt", "--check"] },
];

export function runCheck({ name, command: [tool = "", ...args] }: Check): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(`node_modules/.bin/${tool}`, args, {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes) => (output += String(bytes)));
    const done = (ok: boolean): void =>
      resolve({ name, ok, output: stripVTControlCharacters(output), ms: performance.now() - start });
    child.on("error", (error) => {
      output += error.message;
      done(false);
    });
    child.on("close", (code) => done(code === 0));
  });
}
