// An environment to be killed at, everywhere, and what must be true afterwards (row F3).
import assert from "node:assert/strict";
import { chownSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { portrait } from "./portrait.ts";
import type { Project } from "./project.ts";
import { SLOWNESS } from "./slow.ts";
import { killAt, type Point, points } from "./strace.ts";

// The calls of every run must be the same, and only the first of a command writes the bytecode of its own.
process.env["NODE_DISABLE_COMPILE_CACHE"] = "1";

/** How many points a file of the suite tries, fewer on slow machines; ENVCTL_SWEEP=full tries every one. */
export function chosen(all: readonly Point[], most: number): readonly Point[] {
  const few = SLOWNESS > 1 ? Math.ceil(most / 3) : most;
  if (process.env["ENVCTL_SWEEP"] === "full" || all.length <= few) return all;
  const spread = Array.from({ length: few }, (_, i) => all[Math.floor((i * all.length) / few)]!);
  // Between making something and giving it away; before a record counts.
  return all.filter(
    (point) => spread.includes(point) || (SLOWNESS === 1 && /^(f?chown|rename)/.test(point.name)),
  );
}

export type Body = { readonly lowers?: string; readonly access?: string; readonly memory?: string };

/** Volumes, one of them with a source to be made, a tmpfs and limits. */
export function declare(p: Project, { lowers = "", access = "ro", memory = "64MiB" }: Body = {}): void {
  p.env(
    "web",
    `lowers: [${lowers}]
volumes: ["../src:/work:${access}", "../cache:/var/cache/app", "../home/made/deep:/made"]
tmpfs: [{ target: /tmp, size: 1MiB, mode: 1777 }]
limits: { memory: ${memory}, swap: 0, pids: 64 }
`,
  );
}

/** What may never be lost, whatever is killed. */
const CANARIES = ["src/canary", "cache/canary", "layer/canary", "rootfs/bin/busybox"];

/** A rootfs and a home that belong to a user: what is made there has to, too. */
export function furnish(p: Project): Project {
  for (const file of CANARIES.slice(0, 3)) p.write(file, "precious");
  mkdirSync(join(p.dir, "home"));
  for (const dir of ["rootfs", "home"]) chownSync(join(p.dir, dir), 1000, 1000);
  return p;
}

export const apply = (p: Project): void => void p.ok(["apply", "web", "-y"]);
export const destroy = (p: Project): void => void p.ok(["destroy", "web", "-y"]);

/** Something written inside, which an apply must keep. */
export function writeInside(p: Project): void {
  writeFileSync(p.place("web", "merged/written"), "inside");
}

/** It is what a single undisturbed apply makes, and envctl says so too. */
export function isApplied(p: Project, expected: string): void {
  assert.equal(portrait(p), expected);
  const { uid, gid, mode } = statSync(join(p.dir, "home/made/deep"));
  assert.deepEqual(
    [uid, gid, mode & 0o7777],
    [1000, 1000, 0o755],
    "a directory made for a volume is its parent's owner's",
  );
  p.ok(["plan", "web", "--detailed-exitcode"]);
  p.ok(["drift"]);
}

export function isGone(p: Project, expected: string): void {
  assert.equal(portrait(p), expected);
  for (const file of CANARIES) assert.ok(existsSync(join(p.dir, file)), `${file} is lost`);
}

/** Makes it all new: no STATE, no directory that was made for a volume. */
export function wipe(p: Project): void {
  assert.deepEqual(p.mounts(), []);
  for (const dir of ["state", "home/made"]) rmSync(join(p.dir, dir), { recursive: true, force: true });
}

/** Kills a command at each of these points and hands over to `after`; a failure says where it was killed. */
export function sweep(
  p: Project,
  args: readonly string[],
  at: readonly Point[],
  prepare: () => void,
  after: (index: number) => void,
): void {
  assert.ok(at.length > 0, "no call of it changes anything");
  for (const [index, point] of at.entries()) {
    prepare();
    try {
      killAt(p, args, point);
      after(index);
    } catch (error) {
      throw new Error(`killed right before ${point.line}`, { cause: error });
    }
  }
}

/** The points of a command that ends well; not those whose number varies: opening /proc/PID, words to its own threads and to us. */
export function pointsOf(p: Project, args: readonly string[]): readonly Point[] {
  const { result, points: all } = points(p, args, process.env["ENVCTL_SWEEP"] !== "full");
  assert.equal(result.code, 0, result.stderr);
  const varies = /^(openat\(|write\(([12]\b|\d+<(pipe|socket|anon_inode):))/;
  return all.filter(({ line }) => !varies.test(line));
}
