import { readSync } from "node:fs";
import { KernelError } from "#model/diagnostic";
import { MOUNT_ATTR } from "./flags.ts";
import { withFd } from "./syscalls-file.ts";
import { fsconfigCreate, fsconfigString, fsmount, fsopen } from "./syscalls-mount.ts";

/**
 * A detached mount of a new file system: fsopen, `configure`, create, fsmount. A refusal carries what the kernel wrote to the
 * context's own log, where it wrote something. `about` describes the configuration in messages. @throws KernelError
 */
export function newMount(
  type: string,
  source: string,
  attributes: number,
  about: string,
  configure: (fs: number) => void,
): number {
  return withFd(fsopen(type), (fs) => {
    try {
      fsconfigString(fs, "source", source);
      configure(fs);
      fsconfigCreate(fs, about);
      return fsmount(fs, attributes);
    } catch (error) {
      const said = error instanceof KernelError ? contextLog(fs) : [];
      if (said.length === 0) throw error;
      const { call, errno } = error as KernelError;
      throw new KernelError(call, errno, said.join("; "), error);
    }
  });
}

/** Messages of an fsopen(2) context, without their severity (`e `, `w `, `i `); reading an empty log is ENODATA. */
function contextLog(fs: number): string[] {
  const lines: string[] = [];
  const buffer = Buffer.alloc(4096);
  for (;;) {
    try {
      lines.push(
        buffer
          .toString("utf8", 0, readSync(fs, buffer))
          .replace(/^[ewi] /, "")
          .trimEnd(),
      );
    } catch {
      return lines;
    }
  }
}

/** A detached tmpfs, nosuid and nodev; `bytes` decimal, absent: the kernel's half of the memory. @throws KernelError */
export function newTmpfs(options: {
  readonly tag: string;
  readonly bytes?: string;
  readonly mode: number;
}): number {
  const settings = [
    ["mode", options.mode.toString(8)] as const,
    ...(options.bytes === undefined ? [] : [["size", options.bytes] as const]),
  ];
  const about = ["tmpfs", ...settings.map(([key, value]) => `${key}=${value}`)].join(" ");
  return newMount("tmpfs", options.tag, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV, about, (fs) => {
    for (const [key, value] of settings) fsconfigString(fs, key, value);
  });
}
