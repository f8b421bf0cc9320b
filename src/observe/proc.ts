import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Reader } from "#ports/reader";

/** A path below /proc. */
export const proc = (pid: number | "self", rest: string): AbsPath => `/proc/${pid}/${rest}` as AbsPath;

/** What may be read of other users' processes, and of processes that end meanwhile: undefined where the kernel says no. */
export function quietly<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** Every process there is (numbers of /proc); those that end meanwhile show as missing files later. */
export function allPids(reader: Reader): readonly number[] {
  return reader.list("/proc" as AbsPath).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** The mount namespace of a process: the inode number in `mnt:[4026531841]`. */
export function mountNamespaceOf(reader: Reader, pid: number | "self"): string | undefined {
  return quietly(() => /^mnt:\[(\d+)\]$/.exec(reader.readlink(proc(pid, "ns/mnt")) ?? "")?.[1]);
}

/** Our own pid namespace, likewise: of another one's processes only those below it are seen. */
export function pidNamespace(reader: Reader): string | undefined {
  return quietly(() => /^pid:\[(\d+)\]$/.exec(reader.readlink(proc("self", "ns/pid")) ?? "")?.[1]);
}

/** The command line of a process, as words with spaces between; its name in brackets where it has none (kernel threads, zombies). */
export function commandOf(reader: Reader, pid: number): string {
  const words =
    quietly(() => reader.textAny(proc(pid, "cmdline")))
      ?.replace(/\0+$/, "")
      .replaceAll("\0", " ") ?? "";
  return words !== "" ? words : `[${quietly(() => reader.textAny(proc(pid, "comm")))?.trim() ?? "?"}]`;
}

/** State letter and start of a process (fields 3 and 22 of stat): its name in field 2 may hold spaces and brackets (proc_pid_stat(5)). */
export function statOf(
  reader: Reader,
  pid: number,
): { readonly state: string; readonly start: string } | undefined {
  const text = quietly(() => reader.textAny(proc(pid, "stat")));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields === undefined ? undefined : { state: fields[0] ?? "", start: fields[19] ?? "" };
}
