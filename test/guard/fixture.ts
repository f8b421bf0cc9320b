import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type AbsPath, type EnvId, type Lineage } from "#model/brand";
import { mountTag, placeOf } from "#model/identity";
import type { Place } from "#model/observed";
import type { Claim } from "#guard/claim";
import { linuxFiles } from "#kernel/files";
import { linuxMounts } from "#kernel/mounts";
import { linuxReader } from "#kernel/reader";
import type { Files } from "#ports/files";
import type { Mounts } from "#ports/mounts";
import type { Reader } from "#ports/reader";
import { mountsBelow } from "#test/mountinfo";

export const ID = "web-0123abcd" as EnvId;
/** Test files run beside each other on one mount table: each has a tag of its own. */
export const LINEAGE: Lineage = process.pid.toString(16).padStart(8, "0") as Lineage;
export const TAG: string = mountTag(LINEAGE, ID);

export const reader: Reader = linuxReader({ uid: process.getuid!(), pid: process.pid });
export const mounts: Mounts = linuxMounts();
export const files: Files = linuxFiles();
export const real: { readonly reader: Reader; readonly mounts: Mounts; readonly files: Files } = {
  reader,
  mounts,
  files,
};

export const mount = (...args: readonly string[]): void =>
  void execFileSync("mount", args, { stdio: ["ignore", "ignore", "inherit"] });
export const umount = (...args: readonly string[]): void =>
  void execFileSync("umount", args, { stdio: ["ignore", "ignore", "inherit"] });

/** What an environment claims of which nothing is recorded: tag and place alone. */
export function bareClaim(lineage: Lineage, id: EnvId, state: AbsPath): Claim {
  const [place, tag] = [placeOf(state, id), mountTag(lineage, id)];
  return { place, tag, mounts: {}, resources: [], interrupted: false };
}

export type Yard = {
  /** The test's own directory: precious things lie here. */
  readonly dir: string;
  readonly state: AbsPath;
  readonly place: Place;
};

/** A state directory with one environment's directories, and room beside it. Mounts made in it go first, then the files. */
export function yard(t: TestContext): Yard {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "envctl-guard-")));
  t.after(() => {
    for (const { point } of mountsBelow(dir).reverse()) umount("-l", point);
    if (mountsBelow(dir).length > 0) throw new Error(`not deleted, still mounted below ${dir}`);
    rmSync(dir, { recursive: true, force: true });
  });
  const state = join(dir, "state") as AbsPath;
  const place = placeOf(state, ID);
  for (const sub of [
    place.merged,
    place.upper,
    place.work,
    place.init,
    join(dir, "root"),
    join(dir, "precious"),
  ])
    mkdirSync(sub, { recursive: true });
  chmodSync(state, 0o700);
  writeFileSync(join(dir, "precious/data"), "irreplaceable");
  writeFileSync(join(dir, "root/file"), "of the rootfs");
  return { dir, state, place };
}

export function precious({ dir }: Yard): string {
  return readFileSync(join(dir, "precious/data"), "utf8");
}

/** Our overlay at its place, with directories to mount things on. */
export function overlayAt({ dir, place }: Yard, ...targets: readonly string[]): void {
  for (const target of targets) mkdirSync(join(dir, "root", target), { recursive: true });
  mount(
    "-t",
    "overlay",
    TAG,
    "-o",
    `lowerdir=${dir}/root,upperdir=${place.upper},workdir=${place.work}`,
    place.merged,
  );
}

/** Files and directories below a directory. */
export function count(dir: string): number {
  return readdirSync(dir, { recursive: true }).length;
}
