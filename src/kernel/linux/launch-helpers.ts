import { accessSync, constants, readlinkSync } from "node:fs";
import { failure } from "#model/diagnostic";
import { isHostUsers } from "#model/rootless";

/** Absolute paths of the host programs a launch goes through. */
export type Helpers = {
  readonly sh: string;
  readonly unshare: string;
  readonly setpriv: string;
  readonly mount: string;
  /** Installs a seccomp filter; absent: nothing here can. */
  readonly installer?: Installer;
};

/** Words before a command, options of setpriv: whichever of the two it takes to install the filter that descriptor 5 holds. */
export type Installer = { readonly options: readonly string[]; readonly words: readonly string[] };

const DIRECTORIES = [
  "/usr/bin",
  "/bin",
  "/usr/sbin",
  "/sbin",
  "/run/current-system/sw/bin",
  "/usr/libexec/podman",
];

/** Finds the helpers without PATH: an entry's or a caller's must not choose them. @throws Failure 125 */
export function findHelpers(sh: string = find("dash", "sh")): Helpers {
  return { sh, unshare: find("unshare"), setpriv: find("setpriv"), mount: find("mount") };
}

/** The first of these that the host has. */
export function look(names: readonly string[]): string | undefined {
  return names.flatMap((name) => DIRECTORIES.map((dir) => `${dir}/${name}`)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The same as `isHostUsers`, of this process, before there is a Reader. */
export function inHostUsers(): boolean {
  try {
    return isHostUsers(readlinkSync("/proc/self/ns/user"));
  } catch {
    return isHostUsers(undefined);
  }
}

/** @throws Failure 125 */
export function find(...names: readonly string[]): string {
  const found = look(names);
  if (found !== undefined) return found;
  throw failure(125, "not_found", `the host has no ${names.at(-1)} in ${DIRECTORIES.join(", ")}`, {
    hint: "install util-linux and a POSIX shell",
  });
}

/** Descriptors in the helpers: where `go` is read, where `ok` is written, and the first cgroup, after which a filter comes. A POSIX shell can name 0-9 only. */
export const FD = { go: 3, ok: 4, cgroups: 5, last: 9, filter: 5 } as const;
