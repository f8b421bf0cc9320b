import { mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { release, tmpdir } from "node:os";
import type { TestContext } from "node:test";
import type { AbsPath } from "#model/brand";
import { UMOUNT } from "#kernel/flags";
import { umount2 } from "#kernel/syscalls-mount";

/** An empty directory of the test's own. Afterwards whatever is still mounted below is unmounted and everything removed. */
export function scratch(t: TestContext): AbsPath {
  const dir = realpathSync(mkdtempSync(`${tmpdir()}/envctl-kernel-`)) as AbsPath;
  t.after(() => {
    // Read anew each time: what goes takes its copies in peers along.
    for (let point; (point = mountsBelow(dir).at(-1)) !== undefined;) umount2(point, UMOUNT.DETACH);
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

/** Whether this kernel is at least `major.minor`: for what newer ones show differently. */
export function kernelSince(major: number, minor: number): boolean {
  const [ours = 0, ourMinor = 0] = release().split(".").map(Number);
  return ours > major || (ours === major && ourMinor >= minor);
}

export type Row = {
  readonly id: string;
  readonly dev: string;
  readonly point: string;
  readonly options: string;
  readonly optional: string;
  readonly type: string;
  readonly source: string;
  readonly superOptions: string;
};

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** The mount table of this thread's namespace, fields unescaped. */
export function mountTable(): Row[] {
  const text = readFileSync("/proc/thread-self/mountinfo").toString().trimEnd();
  return text.split("\n").map((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [id = "", , dev = "", , point = "", options = "", ...optional] = left.split(" ");
    const [type = "", source = "", superOptions = ""] = right.split(" ");
    return {
      id,
      dev,
      point: unescape(point),
      options,
      optional: optional.join(" "),
      type,
      source: unescape(source),
      superOptions,
    };
  });
}

/** The mounts at a point, the topmost last. */
export function mountsAt(point: string): Row[] {
  return mountTable().filter((row) => row.point === point);
}

export function mountsBelow(dir: string): string[] {
  return mountTable()
    .map((row) => row.point)
    .filter((point) => point === dir || point.startsWith(`${dir}/`));
}

/**
 * What must be the same before and after: mounts, namespaces, root, working directory, and how many files are open. With `dir` the
 * mounts below it alone, else all but those of tests: others mount at the same time, and what they remove goes from copies too.
 */
export function surroundings(dir?: string): unknown {
  return {
    mounts:
      dir === undefined ? mountTable().filter(({ point }) => !point.startsWith(tmpdir())) : mountsBelow(dir),
    namespaces: readdirSync("/proc/thread-self/ns").map((name) =>
      readlinkSync(`/proc/thread-self/ns/${name}`),
    ),
    root: readlinkSync("/proc/thread-self/root"),
    cwd: readlinkSync("/proc/thread-self/cwd"),
    fds: readdirSync("/proc/self/fd").length,
  };
}
