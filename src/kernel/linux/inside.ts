import { chmodSync, writeSync } from "node:fs";
import { baseName, join, parentOf, type AbsPath } from "#model/brand";
import { isThere, openBeneath, selfFd, type Beneath } from "./beneath.ts";
import { refused } from "./ffi.ts";
import { O } from "./flags.ts";
import { nodeCall } from "./node-call.ts";
import { fdText, quote } from "./print.ts";
import { close, fchmod, mkdirat, openat, symlinkat, unlinkat, withFd } from "./syscalls-file.ts";

/**
 * Opens a path inside `root` without ever leaving it, and creates what is missing: directories 0755, and at the end a directory or
 * an empty file (0644). Modes hold whatever the umask. The caller closes the descriptor. @throws KernelError
 */
export function openTarget(root: AbsPath, target: string, type: "dir" | "file"): Beneath {
  const found = openBeneath(root, target, (parent, name, last) => {
    if (last && type === "file") newFile(parent, name, "");
    else newDirectory(parent, name);
  });
  if (found === undefined)
    throw refused("openat2", `openat(${quote(root)}, ${quote(target)}, O_PATH|O_NOFOLLOW)`, "ENOENT");
  return found;
}

function newDirectory(parent: number, name: string): void {
  mkdirat(parent, name, 0o755);
  withFd(openat(parent, name, O.PATH | O.DIRECTORY | O.NOFOLLOW), (dir) =>
    nodeCall(
      "chmod",
      () => `fchmod(${fdText(dir)}, 0755)`,
      () => chmodSync(selfFd(dir), 0o755),
    ),
  );
}

function newFile(parent: number, name: string, text: string): void {
  withFd(openat(parent, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, 0o644), (fd) => {
    fchmod(fd, 0o644);
    writeAll(fd, text);
  });
}

/** Writes everything, however many calls it takes. @throws KernelError */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    done += nodeCall(
      "write",
      () => `write(${fdText(fd)}, …, ${left})`,
      () => writeSync(fd, bytes, done),
    );
  }
}

/** Runs `put` on the directory of a path inside `root`, after whatever but a directory lies there was taken away. @throws KernelError EISDIR */
function replaceInside(root: AbsPath, path: string, put: (parent: number, name: string) => void): void {
  const clean = join("/" as AbsPath, path);
  const { fd } = openTarget(root, parentOf(clean), "dir");
  try {
    const name = baseName(clean);
    if (isThere(fd, name)) unlinkat(fd, name, false);
    put(fd, name);
  } finally {
    close(fd);
  }
}

/** A file (0644) in place of whatever non-directory is at `path` inside `root`. @throws KernelError */
export function writeInside(root: AbsPath, path: string, text: string): void {
  replaceInside(root, path, (parent, name) => newFile(parent, name, text));
}

/** A symlink in place of whatever non-directory is at `path` inside `root`. @throws KernelError */
export function linkInside(root: AbsPath, path: string, to: string): void {
  replaceInside(root, path, (parent, name) => symlinkat(to, parent, name));
}
