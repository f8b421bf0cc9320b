// The harness's own reading of /proc/self/mountinfo, kept apart from src/ so that a mistake there cannot hide itself.
import { readFileSync } from "node:fs";

export type MountLine = {
  readonly point: string;
  readonly type: string;
  readonly source: string;
  /** The options of the file system, not of this mount. */
  readonly options: readonly string[];
  readonly line: string;
};

const decode = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Every mount, without the numbers that differ between two equal tables (mount, parent and peer group ids). */
export function readMounts(of: number | "self" = "self"): MountLine[] {
  const lines = readFileSync(`/proc/${of}/mountinfo`, "latin1").split("\n");
  return lines.filter(Boolean).map((text) => {
    const [left = "", right = ""] = text.split(" - ");
    const [, , device, root, point = "", flags, ...optional] = left.split(" ");
    const [type = "", source = "", options = ""] = right.split(" ");
    const propagation = optional.map((word) => word.split(":")[0]).join(" ") || "private";
    const line = `${point} ${type} ${source} root=${root} ${flags} ${propagation} ${device}`;
    const path = Buffer.from(decode(point), "latin1").toString();
    return { point: path, type, source, options: options.split(","), line };
  });
}

/** The mounts at or below a directory. */
export function mountsBelow(dir: string, of: number | "self" = "self"): MountLine[] {
  return readMounts(of).filter(({ point }) => point === dir || point.startsWith(`${dir}/`));
}

/**
 * What an overlay was mounted over, `option=path`, as the kernel shows it. Undefined before Linux 6.13, where directories are handed over
 * as numbers of descriptors and shown so.
 */
export function overlayDirs({ options }: MountLine): readonly string[] | undefined {
  const dirs = options.filter((option) => /^(lowerdir\+?|upperdir|workdir)=/.test(option));
  return dirs.some((option) => /=\d+(:\d+)*$/.test(option)) ? undefined : dirs;
}
