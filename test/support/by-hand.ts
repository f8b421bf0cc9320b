// What somebody does on the host beside envctl, with the host's own tools.
import { execFileSync } from "node:child_process";

/** Runs a program to its end and answers what it printed; throws, with its own words, where it fails. */
export function host(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export const mount = (...args: readonly string[]): void => void host("mount", ...args);
export const umount = (...args: readonly string[]): void => void host("umount", ...args);
