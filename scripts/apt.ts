// Installs what the tests use beyond npm, where it is missing. Does nothing on a machine that has it all.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { onPath } from "../test/support/needs.ts";

/** Whether `file` runs in a root file system that holds nothing else. */
const isStatic = (file: string): boolean => !readFileSync(file).subarray(0, 4096).includes("ld-linux");

/** Program, Debian package, and what else must be true of the program. */
export type Wanted = readonly [program: string, pkg: string, fits?: (file: string) => boolean];

const tests: readonly Wanted[] = [
  ["busybox", "busybox-static", isStatic],
  ["strace", "strace"],
  ["unshare", "util-linux"],
  ["setpriv", "util-linux"],
  ["tini", "tini"],
  ["nsenter", "util-linux"],
  ["newuidmap", "uidmap"],
  ["tar", "tar"],
  ["xz", "xz-utils"],
  ["zstd", "zstd"],
  ["bzip2", "bzip2"],
  ["mksquashfs", "squashfs-tools"],
  ["mkfs.erofs", "erofs-utils"],
  ["zsh", "zsh"],
  ["fish", "fish"],
];

function missing(wanted: readonly Wanted[]): string[] {
  const lacking = wanted.filter(([program, , fits]) => {
    const file = onPath(program);
    return file === undefined || fits?.(file) === false;
  });
  return [...new Set(lacking.map(([, pkg]) => pkg))];
}

function apt(...args: string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync("apt-get", ["-q", "-o", "Acquire::Retries=3", ...args], { env, encoding: "utf8" });
  if (done.status !== 0) process.stderr.write(done.stdout + done.stderr);
  return done.status === 0;
}

/** Says what it does and answers the packages that cannot be had here; the tests that need them skip themselves. */
export function installPackages(wanted: readonly Wanted[] = tests): readonly string[] {
  const packages = missing(wanted);
  if (packages.length === 0) return [];
  const names = packages.join(" ");
  if (process.geteuid?.() !== 0) {
    process.stderr.write(`missing for some tests: ${names} (as root: apt-get install ${names})\n`);
  } else if (onPath("apt-get") === undefined) {
    process.stderr.write(`missing for some tests, and there is no apt-get here: ${names}\n`);
  } else {
    process.stderr.write(`installing for the tests: ${names}\n`);
    if (!apt("update") || !apt("install", "-y", "--no-install-recommends", ...packages)) {
      process.stderr.write(`apt-get failed; still missing for some tests: ${missing(wanted).join(" ")}\n`);
    }
  }
  return missing(wanted);
}

if (process.argv[1] === import.meta.filename) installPackages();
