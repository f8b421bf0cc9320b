// What tests of the kernel's overlayfs have in common.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Project } from "./project.ts";

/** What was printed as one line, without the bar beside a file's line. */
export const flat = (text: string): string => text.replace(/\s*\n\s*\|?\s*/g, " ");

/** Refused with exit 3 before anything is there. */
export function refused(p: Project, why: RegExp, at?: RegExp): void {
  const { stderr } = p.ok(["apply", "-y"], 3);
  assert.match(flat(stderr), why);
  if (at !== undefined) assert.match(stderr, at);
  assert.equal(p.exists("state"), false);
}

/** A file system of a type, mounted for one test. */
export function mounted(p: Project, type: string, options: string, dir: string): string {
  const at = join(p.dir, dir);
  mkdirSync(at, { recursive: true });
  execFileSync("mount", ["-t", type, "-o", options, "none", at]);
  p.after(() => void execFileSync("umount", [at]));
  return at;
}

export function overlayAt(p: Project, lowers: readonly string[], dir: string): string {
  for (const sub of ["u", "w"]) mkdirSync(join(p.dir, `${dir}.${sub}`));
  const options = `lowerdir=${lowers.join(":")},upperdir=${join(p.dir, `${dir}.u`)},workdir=${join(p.dir, `${dir}.w`)}`;
  return mounted(p, "overlay", options, dir);
}
