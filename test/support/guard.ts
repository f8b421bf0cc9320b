// Notices what a run leaves behind: mounts, cgroups, temporary directories. It only ever reports.
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readMounts } from "./mountinfo.ts";
import { slow } from "./slow.ts";

export type Snapshot = ReadonlyMap<string, number>;

function directories(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // gone between two reads, or not ours to read
  }
}

/** Directories named envctl-* in a hierarchy, up to four levels down, with the environments they hold. */
function cgroupsBelow(dir: string, depth: number): string[] {
  return directories(dir).flatMap((name) => {
    const path = join(dir, name);
    if (name.startsWith("envctl-")) return [path, ...directories(path).map((child) => join(path, child))];
    return depth > 1 ? cgroupsBelow(path, depth - 1) : [];
  });
}

/** Set where other files run at the same time (scripts/beside.ts): what is everybody's to see may then be theirs. */
const BESIDE = process.env["TEST_BESIDE"] === "1";

/** The state directories' lineages that this file's projects had. */
export const lineages: Set<string> = new Set();

function temporaries(): string[] {
  const places = new Set(BESIDE ? [tmpdir()] : [tmpdir(), "/tmp", "/var/tmp", "/run", "/dev/shm"]);
  return [...places].flatMap((place) =>
    directories(place)
      // Other runs of the tests have a directory of their own, see scripts/test.ts.
      .filter((name) => name.startsWith("envctl-") && !name.startsWith("envctl-test-"))
      .map((name) => join(place, name)),
  );
}

/** What is there now; equal things are counted, so that a mount stacked twice shows. */
export function snapshot(): Snapshot {
  const mounts = readMounts();
  const cgroups = new Set(mounts.filter(({ type }) => type.startsWith("cgroup")).map(({ point }) => point));
  const found = [
    ...mounts.map(({ line }) => `mount ${line}`),
    ...[...cgroups]
      .flatMap((point) => cgroupsBelow(point, 4))
      .filter((path) => !BESIDE || [...lineages].some((one) => path.includes(`/envctl-${one}`)))
      .map((path) => `cgroup ${path}`),
    ...temporaries().map((path) => `directory ${path}`),
  ];
  const counts = new Map<string, number>();
  for (const line of found) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** What differs, a line each: `+` is new, `-` is gone. */
export function difference(then: Snapshot, now: Snapshot): string[] {
  return [...new Set([...then.keys(), ...now.keys()])].flatMap((line) => {
    const delta = (now.get(line) ?? 0) - (then.get(line) ?? 0);
    return Array.from({ length: Math.abs(delta) }, () => `${delta > 0 ? "+" : "-"} ${line}`);
  });
}

/** A mount that another process of this machine took away in its own namespace together with the directory: copies go with that. */
const wentElsewhere = (line: string): boolean =>
  BESIDE && line.startsWith("- mount ") && !existsSync(line.split(" ")[2]!);

/** The difference to now, after giving the kernel a moment: mounts of a namespace go when its last process is reaped. */
export async function leftovers(then: Snapshot, patience = 2000): Promise<string[]> {
  for (let waited = 0; ; waited += 50) {
    const lines = difference(then, snapshot()).filter((line) => !wentElsewhere(line));
    if (lines.length === 0 || waited >= slow(patience)) return lines;
    await sleep(50);
  }
}

/** At the top of an end-to-end file: fails it when something is left behind. */
export function guard(): void {
  let then: Snapshot = new Map();
  before(() => {
    then = snapshot();
  });
  after(async () => {
    const lines = await leftovers(then);
    if (lines.length > 0) throw new Error(`this file left the machine different:\n  ${lines.join("\n  ")}`);
  });
}
