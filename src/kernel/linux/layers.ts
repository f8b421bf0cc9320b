import { chmodSync, constants, copyFileSync, fstatSync, mkdirSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { baseName, join, parentOf, type AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { Compression, HostEntry, Recipe, Stamp } from "#model/resource";
import type { Layers } from "#ports/layers";
import { selfFd } from "./beneath.ts";
import { AT, AT_FDCWD, MOUNT_ATTR, O } from "./flags.ts";
import { cloneTree } from "./inner.ts";
import { inNamespaces } from "./namespace.ts";
import { nodeCall } from "./node-call.ts";
import { openReal } from "./place.ts";
import { octal, quote } from "./print.ts";
import { statOf } from "./stat.ts";
import { openat, renameat, syncfs, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount } from "./syscalls-mount.ts";
import { unmasked } from "./syscalls-process.ts";

type Archive = Extract<Recipe, { kind: "archive" }>;

const ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin", LC_ALL: "C" };
/** The umask under which directories that an archive does not name, or a closure passes through, become 0755. */
const DIRECTORIES = 0o022;
const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;

/** The program that unpacks, which tar starts by this option. */
const FILTERS: Readonly<Record<Exclude<Compression, "none">, readonly [option: string, package_: string]>> = {
  gzip: ["--gzip", "gzip"],
  xz: ["--xz", "xz-utils"],
  zstd: ["--zstd", "zstd"],
  bzip2: ["--bzip2", "bzip2"],
};

/** Stored layers of this machine. */
export function linuxLayers(): Layers {
  return {
    unpack: (recipe, into) =>
      withFd(openat(AT_FDCWD, recipe.archive, 0), (fd) => {
        checkStamp(fd, recipe.stamp, recipe.archive);
        unmasked(() => extract(recipe, fd, into), DIRECTORIES);
        checkStamp(fd, recipe.stamp, recipe.archive);
      }),
    copy: (entries, into) => unmasked(() => entries.forEach((entry) => copyOne(entry, into)), DIRECTORIES),
    keep: (from, to) =>
      withFd(openReal(parentOf(to), O.DIRECTORY), (parent) => {
        withFd(openat(AT_FDCWD, from, O.DIRECTORY | O.NOFOLLOW), syncfs);
        renameat(parent, baseName(from), parent, baseName(to));
        withFd(openat(AT_FDCWD, parentOf(to), O.DIRECTORY | O.NOFOLLOW), syncfs);
      }),
  };
}

/** What was planned with is what is read: its digest was found with this stamp. @throws Failure stale_plan */
function checkStamp(fd: number, planned: Stamp, path: AbsPath): void {
  const { dev, ino, size, mtimeNs, ctimeNs } = statOf(fstatSync(fd, { bigint: true }));
  const same =
    dev === planned.dev &&
    ino === planned.ino &&
    size === planned.size &&
    `${mtimeNs}` === planned.mtime &&
    `${ctimeNs}` === planned.ctime;
  if (same) return;
  throw failure(6, "stale_plan", `${path} was changed since the plan was made`, {
    hint: "Plan again.",
  });
}

/**
 * Runs GNU tar where all it can write to is `into`: in a mount namespace of its own with everything else read-only and no device usable.
 * Whatever way a symlink, hard link or name in an archive finds out of the directory, the kernel refuses to write there (EROFS), to
 * link from there (EXDEV) and to open a device.
 */
function extract({ archive, compression }: Archive, fd: number, into: AbsPath): void {
  const { spawnSync } = createRequire(import.meta.url)(
    "node:child_process",
  ) as typeof import("node:child_process");
  const done = inNamespaces(0, () => {
    confine(into);
    return spawnSync("setpriv", [...ALONE, "tar", ...tarWords(compression)], {
      cwd: into,
      env: ENV,
      stdio: [fd, "pipe", "pipe"],
      maxBuffer: 16 << 20,
    });
  });
  const said = (done.stderr ?? "").toString().trim().split("\n");
  if (done.status === 0) return;
  const [, missing] = compression === "none" ? [] : FILTERS[compression];
  const lacks = missing !== undefined && said.some((line) => /Cannot exec|not found/.test(line));
  throw failure(1, "refused", `${archive} cannot be unpacked`, {
    detail: lacks ? `${compression} is not installed` : reason(said, done.signal ?? done.error?.message),
    hint: lacks ? `Install ${missing}.` : "Nothing of it was kept.",
  });
}

/** Dies with envctl, and not of a Ctrl-C meant for it: a step is finished or undone by envctl alone. */
const ALONE = ["--pdeathsig", "KILL", "--", "setsid"];

function tarWords(compression: Compression): readonly string[] {
  return [
    "--extract",
    "--file=-",
    ...(compression === "none" ? [] : [FILTERS[compression][0]]),
    "--numeric-owner",
    "--same-owner",
    "--same-permissions",
    "--xattrs",
    "--xattrs-include=*",
    // What overlayfs believes of a lower layer must not come from an archive (overlayfs.rst, "metadata only copy up").
    "--xattrs-exclude=trusted.overlay.*",
    "--xattrs-exclude=user.overlay.*",
    "--warning=no-timestamp",
  ];
}

function confine(into: AbsPath): void {
  withFd(cloneTree(into, false), (tree) => {
    mountSetattr(AT_FDCWD, "/", AT.RECURSIVE, { set: RDONLY | NOSUID | NODEV });
    mountSetattr(tree, "", AT.EMPTY_PATH, { set: NOSUID | NODEV | NOEXEC, clear: RDONLY });
    withFd(openReal(into, O.DIRECTORY), (place) => moveMount(tree, place));
  });
}

/** tar's first complaint: the last line only says that there were some. */
function reason(said: readonly string[], otherwise: string | undefined): string {
  const complaints = said.filter(
    (line) => line !== "" && !/Removing leading|Exiting with failure/.test(line),
  );
  const more = complaints.length > 1 ? `, and ${complaints.length - 1} more` : "";
  return `${complaints[0] ?? otherwise ?? said.at(-1) ?? "tar failed"}${more}`;
}

/** Paths are real ones, so that no component of them is a symlink made here before. */
function copyOne(entry: HostEntry, into: AbsPath): void {
  const at = join(into, entry.path);
  const call = (name: string, work: () => void): void => nodeCall(name, () => `${name}(${quote(at)})`, work);
  call("mkdir", () => void mkdirSync(parentOf(at), { recursive: true, mode: 0o755 }));
  if (entry.type === "symlink") return call("symlink", () => symlinkSync(entry.to, at));
  withFd(openat(AT_FDCWD, entry.path, O.NOFOLLOW), (fd) => {
    checkStamp(fd, entry.stamp, entry.path);
    call("open", () => copyFileSync(selfFd(fd), at, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE));
    checkStamp(fd, entry.stamp, entry.path);
  });
  nodeCall(
    "chmod",
    () => `chmod(${quote(at)}, ${octal(entry.mode)})`,
    () => chmodSync(at, entry.mode),
  );
}
