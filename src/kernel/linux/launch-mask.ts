import { fstatSync } from "node:fs";
import { KernelError } from "#model/diagnostic";
import { newMount } from "./context.ts";
import { AT, AT_FDCWD, MOUNT_ATTR, O, OPEN_TREE } from "./flags.ts";
import { keepFd, openat, withFd } from "./syscalls-file.ts";
import { mountSetattr, moveMount, openTree } from "./syscalls-mount.ts";

const { RDONLY, NOSUID, NODEV, NOEXEC } = MOUNT_ATTR;

// The lists of Docker and of OCI's default specification (moby, daemon/pkg/oci/defaults.go), of names below /proc and /sys: what tells
// of the whole machine or measures it (CVE-2020-8694, GHSA-6fw5-f8r9-fgfm), and settings of the whole machine.
export const PROC_MASKED: readonly string[] = [
  "acpi",
  "asound",
  "interrupts",
  "kcore",
  "keys",
  "latency_stats",
  "sched_debug",
  "scsi",
  "timer_list",
  "timer_stats",
];
export const PROC_READ_ONLY: readonly string[] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
const SYS_MASKED = ["firmware", "devices/virtual/powercap"];

/** Names below /sys; a machine's CPUs count their throttling all or none. */
export function sysMasked(sys: number): readonly string[] {
  const ofCpu = (n: number): string => `devices/system/cpu/cpu${n}/thermal_throttle`;
  const counted: string[] = [];
  for (let n = 0; isThere(sys, ofCpu(n)); n++) counted.push(ofCpu(n));
  return [...SYS_MASKED, ...counted];
}

/** Lays an empty read-only directory over each directory of a mounted file system, and the null device over each file. @throws KernelError */
export function mask(at: number, names: readonly string[]): void {
  cover(at, names, (place) => (fstatSync(place).isDirectory() ? emptyDirectory() : nullDevice()));
}

/** Lays each place over itself, read-only. @throws KernelError */
export function makeReadOnly(at: number, names: readonly string[]): void {
  cover(at, names, (place) => {
    const part = openTree(place, "", AT.EMPTY_PATH | OPEN_TREE.CLONE);
    return keepFd(part, () => mountSetattr(part, "", AT.EMPTY_PATH, { set: RDONLY }));
  });
}

/** What a kernel does not have is passed over. */
function cover(at: number, names: readonly string[], by: (place: number) => number): void {
  for (const name of names) {
    const place = openIfThere(at, name);
    if (place !== undefined) withFd(place, () => withFd(by(place), (mount) => moveMount(mount, place)));
  }
}

function emptyDirectory(): number {
  return newMount("tmpfs", "masked", RDONLY | NOSUID | NODEV | NOEXEC, "tmpfs", () => undefined);
}

/** The host's: what is mounted of it is read-only by then. */
function nullDevice(): number {
  const node = openTree(AT_FDCWD, "/dev/null", OPEN_TREE.CLONE | AT.SYMLINK_NOFOLLOW);
  const attributes = { set: RDONLY | NOSUID | NOEXEC, clear: NODEV };
  return keepFd(node, () => mountSetattr(node, "", AT.EMPTY_PATH, attributes));
}

function openIfThere(at: number, name: string): number | undefined {
  try {
    return openat(at, name, O.PATH | O.NOFOLLOW);
  } catch (error) {
    if (error instanceof KernelError && error.errno === "ENOENT") return undefined;
    throw error;
  }
}

function isThere(at: number, name: string): boolean {
  const place = openIfThere(at, name);
  if (place !== undefined) withFd(place, () => undefined);
  return place !== undefined;
}
