import { chmodSync, constants, copyFileSync, fstatSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { baseName, join, parentOf, type AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { Compression, HostEntry, Recipe, Stamp } from "#model/resource";
import type { Rootless } from "#model/rootless";
import type { Filling, Layers } from "#ports/layers";
import { selfFd } from "./beneath.ts";
import { pause } from "./clock.ts";
import { AT, AT_FDCWD, MOUNT_ATTR, O } from "./flags.ts";
import { cloneTree } from "./inner.ts";
import { inNamespaces } from "./namespace.ts";
import { nodeCall } from "./node-call.ts";
import { openReal } from "./place.ts";
import { octal, quote } from "./print.ts";
import { statOf } from "./stat.ts";
import { close, openat, renameat, syncfs, withFd } from "./syscalls-file.ts";
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
export function linuxLayers(rootless?: Rootless): Layers {
  return {
    *unpack(recipe, into) {
      const fd = openat(AT_FDCWD, recipe.archive, 0);
      try {
        checkStamp(fd, recipe.stamp, recipe.archive);
        yield* extract(recipe, fd, into, rootless);
        checkStamp(fd, recipe.stamp, recipe.archive);
      } finally {
        close(fd);
      }
    },
    *copy(entries, into) {
      let done = 0;
      for (const entry of entries) {
        unmasked(() => copyOne(entry, into), DIRECTORIES);
        if (entry.type === "file") done += entry.stamp.size;
        yield done;
      }
    },
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
function* extract(
  { archive, compression }: Archive,
  fd: number,
  into: AbsPath,
  rootless: Rootless | undefined,
): Filling {
  const words = [...tarWords(compression), ...(rootless === undefined ? [] : asUser(rootless))];
  const tar = unmasked(() => start(words, fd, into), DIRECTORIES);
  for (let ms = 1; !tar.ended(); ms = Math.min(ms * 2, LONGEST_PAUSE_MS)) {
    pause(ms);
    yield offsetOf(fd);
  }
  if (tar.status() === 0) return;
  const said = tar.said().trim().split("\n");
  const [, missing] = compression === "none" ? [] : FILTERS[compression];
  const lacks = missing !== undefined && said.some((line) => /Cannot exec|not found/.test(line));
  throw failure(1, "refused", `${archive} cannot be unpacked`, {
    detail: lacks ? `${compression} is not installed` : reason(said, `${tar.status()}`),
    hint: lacks ? `Install ${missing}.` : "Nothing of it was kept.",
  });
}

/** How long a small archive may keep waiting who unpacks it. */
const LONGEST_PAUSE_MS = 32;

/** A tar at work; how it ended is known when the event loop turned. */
type Tar = { ended(): boolean; status(): number | string | undefined; said(): string };

function start(words: readonly string[], fd: number, into: AbsPath): Tar {
  const { spawn } = createRequire(import.meta.url)(
    "node:child_process",
  ) as typeof import("node:child_process");
  const child = inNamespaces(0, () => {
    confine(into);
    return spawn("setpriv", [...ALONE, "tar", ...words], {
      cwd: into,
      env: ENV,
      // Not "ignore": /dev/null is a device, and none can be opened there.
      stdio: [fd, "pipe", "pipe"],
    });
  });
  let [status, said]: [number | string | undefined, string] = [undefined, ""];
  child.stdout!.resume();
  child.stderr!.on("data", (bytes) => (said += said.length < MOST_SAID ? String(bytes) : ""));
  child.on("error", (error) => (status = error.message));
  child.on("close", (code, signal) => (status ??= code ?? signal ?? "tar failed"));
  return { ended: () => status !== undefined, status: () => status, said: () => said };
}

const MOST_SAID = 1 << 20;

/** tar reads through the very open file that we have: its position is how far it came (proc_pid_fdinfo(5)). */
function offsetOf(fd: number): number {
  return Number(/^pos:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1]);
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

/** Without subordinate ids all is the user's own. An ordinary user makes no device nodes, and /dev inside is never the archive's. */
function asUser({ uids }: Rootless): readonly string[] {
  const devices = ["--anchored", "--wildcards", "--exclude=dev/*", "--exclude=./dev/*"];
  return uids === 1 ? [...devices, "--no-same-owner"] : devices;
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
