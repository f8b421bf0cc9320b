import type { AbsPath } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import type { OverlayMount } from "#ports/mounts";
import { selfFd } from "./beneath.ts";
import { newMount } from "./context.ts";
import { AT_FDCWD, MOUNT_ATTR, MS, O } from "./flags.ts";
import { kernelSaid } from "./kmsg.ts";
import { withModule } from "./module.ts";
import { openReal } from "./place.ts";
import { fdText } from "./print.ts";
import { close, openat, tryXattr, withFd } from "./syscalls-file.ts";
import {
  fsconfigFd,
  fsconfigFlag,
  fsconfigString,
  moveMount,
  mount as mount2,
  type MountText,
} from "./syscalls-mount.ts";
import { chdir, fchdir } from "./syscalls-process.ts";

const KEYS = ["lowerdir", "upperdir", "workdir"] as const;
type Directory = readonly [key: (typeof KEYS)[number], path: AbsPath];

/** What an older kernel cannot do; can be forced, so that tests reach the other way. */
export type Lacking = "overlay_set_fd";

/** Mounts an overlay at the directory `place` refers to. A refusal carries overlayfs's own words. @throws KernelError */
export function mountOverlay(overlay: OverlayMount, place: number, lacking: readonly Lacking[] = []): void {
  if (overlay.userxattr === true && overlay.rw !== undefined) tryUserXattr(overlay.rw.upper);
  const mount = (): void => {
    const tree = lacking.includes("overlay_set_fd") ? undefined : byDescriptor(overlay);
    if (tree === undefined) return byMount(overlay, place);
    withFd(tree, () => moveMount(tree, place));
  };
  kernelSaid(() => withModule("overlay", "CONFIG_OVERLAY_FS", mount));
}

/** Without them it would mount and seem to work, and say EIO where a directory of a lower is removed and made again. @throws Failure */
function tryUserXattr(upper: AbsPath): void {
  try {
    withFd(openDirectory(upper), (fd) => tryXattr(selfFd(fd), "user.envctl"));
  } catch (error) {
    if (!(error instanceof KernelError && error.errno === "EOPNOTSUPP")) throw error;
    throw failure(
      1,
      "overlay_rule",
      "the file system of the state directory has no user extended attributes",
      {
        detail: `without root overlayfs needs them in ${upper}`,
        hint: "name a directory on ext4, xfs or btrfs: --state-dir DIR",
      },
    );
  }
}

function directories(overlay: OverlayMount): Directory[] {
  const lowers = overlay.lowers.map((path): Directory => ["lowerdir", path]);
  const { rw } = overlay;
  return rw === undefined ? lowers : [...lowers, ["upperdir", rw.upper], ["workdir", rw.work]];
}

/** Options as `key` or `key=value`: only what was asked for, everything else is the kernel's default. */
function optionsOf(overlay: OverlayMount): (readonly [key: string, value?: string])[] {
  const { volatile, ...keyed } = overlay.options;
  // With userxattr both are off, and to say so is refused (ovl_fs_params_verify in fs/overlayfs/params.c).
  const settled = overlay.userxattr === true ? ["redirect_dir", "metacopy"] : [];
  const options: (readonly [string, string?])[] = Object.entries(keyed).filter(
    ([key]) => !settled.includes(key),
  );
  if (volatile === true) options.push(["volatile"]);
  if (overlay.userxattr === true) options.push(["userxattr"]);
  return options;
}

/** Layers were found by their real paths: whoever owns a directory on the way cannot lead the mount elsewhere since. */
function openDirectory(path: AbsPath): number {
  return openReal(path, O.DIRECTORY);
}

/**
 * What the first FSCONFIG_SET_FD says: EOPNOTSUPP on 6.1, EINVAL for plain descriptors and EBADF for O_PATH ones on 6.12. A filter of system
 * calls (seccomp) says EPERM or ENOSYS, to the calls before it too: then the calls are not to be had, which is not a refusal.
 */
const UNTAKEN: ReadonlySet<string> = new Set(["EOPNOTSUPP", "EINVAL", "EBADF", "EPERM", "ENOSYS"]);

/**
 * The mount API with FSCONFIG_SET_FD (reported since 6.13): free of path races, and neither 255 bytes a value nor 4095 in all.
 * undefined where the kernel does not take them: the first lower says so.
 */
function byDescriptor(overlay: OverlayMount): number | undefined {
  const all = directories(overlay);
  const about = [
    "overlay",
    ...all.map(([key, path]) => `${key === "lowerdir" ? "lowerdir+" : key}=${path}`),
    ...optionsOf(overlay).map(joined),
  ];
  let configured = 0;
  try {
    return newMount(
      "overlay",
      overlay.tag,
      overlay.readOnly === true ? MOUNT_ATTR.RDONLY : 0,
      about.join(" "),
      (fs) => {
        for (const [key, path] of all) {
          withFd(openDirectory(path), (fd) => fsconfigFd(fs, key === "lowerdir" ? "lowerdir+" : key, fd));
          configured++;
        }
        for (const [key, value] of optionsOf(overlay)) {
          if (value === undefined) fsconfigFlag(fs, key);
          else fsconfigString(fs, key, value);
        }
      },
    );
  } catch (error) {
    const untaken = error instanceof KernelError && /^fs(open|config)\(/.test(error.call) && configured === 0;
    if (untaken && UNTAKEN.has(error.errno)) return undefined;
    throw error;
  }
}

function joined([key, value]: readonly [string, string?]): string {
  return value === undefined ? key : `${key}=${value}`;
}

/**
 * mount(2) with descriptors' numbers as relative paths: `lowerdir=22:23` from /proc/self/fd. Works on every kernel, for any
 * number of layers up to 500 and any path length; mountinfo then shows the numbers.
 */
function byMount(overlay: OverlayMount, place: number): void {
  const all = directories(overlay);
  const fds: number[] = [];
  const cwd = openat(AT_FDCWD, ".", O.PATH | O.DIRECTORY);
  try {
    for (const [, path] of all) fds.push(openDirectory(path));
    const data = (name: (index: number) => string): string => {
      const of = (key: Directory[0]): string =>
        all.flatMap(([it], i) => (it === key ? [name(i)] : [])).join(":");
      const settings = KEYS.map((key) => [key, of(key)] as const).filter(([, value]) => value !== "");
      return [...settings, ...optionsOf(overlay)].map(joined).join(",");
    };
    const numbers = data((index) => String(fds[index]));
    const shown = (): MountText => ({ target: fdText(place), data: data((index) => fdText(fds[index]!)) });
    chdir("/proc/self/fd");
    const flags = overlay.readOnly === true ? MS.RDONLY : 0;
    mount2(overlay.tag, selfFd(place), "overlay", flags, numbers, shown);
  } finally {
    fchdir(cwd);
    for (const fd of [...fds, cwd]) close(fd);
  }
}
