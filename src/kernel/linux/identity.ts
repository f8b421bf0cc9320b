import { fstatSync, readFileSync } from "node:fs";
import { KernelError } from "#model/diagnostic";
import type { MountIdentity } from "#model/record";
import { AT } from "./flags.ts";
import { deviceText } from "./stat.ts";
import { statxMountId } from "./syscalls-file.ts";
import { statmountDev } from "./syscalls-mount.ts";

/** Who the mount is that an attached mount's or an O_PATH descriptor lies on. @throws KernelError */
export function identityOf(fd: number): MountIdentity {
  const id = statxMountId(fd, "", AT.EMPTY_PATH, false);
  if (id === undefined) throw new Error("statx(2) tells no mount id: this needs Linux 5.8");
  const unique = statxMountId(fd, "", AT.EMPTY_PATH, true);
  return { id, dev: deviceOf(fd, id, unique), ...(unique === undefined ? {} : { unique }) };
}

/**
 * The device as mountinfo prints it. st_dev differs from it on btrfs (subvolumes), so it is the last resort only.
 * statmount(2) costs 1 µs, mountinfo that of the whole table.
 */
function deviceOf(fd: number, id: string, unique: string | undefined): string {
  if (unique !== undefined) {
    try {
      return statmountDev(unique);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
    }
  }
  const line = new RegExp(`^${id} \\d+ (\\d+:\\d+) `, "m").exec(
    readFileSync("/proc/thread-self/mountinfo").toString("utf8"),
  );
  return line?.[1] ?? deviceText(fstatSync(fd, { bigint: true }).dev);
}
