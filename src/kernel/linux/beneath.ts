import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from "node:fs";
import { refused } from "./ffi.ts";
import { O } from "./flags.ts";
import { errnoOf, nodeCall } from "./node-call.ts";
import { quote } from "./print.ts";

/** The path under which an open descriptor's object can be named; leads to that object whatever was renamed since. */
export function selfFd(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Looks before a call that would fail: an exception costs ten times as much. */
export function isThere(parent: number, name: string): boolean {
  return lstatSync(`${selfFd(parent)}/${name}`, { throwIfNoEntry: false }) !== undefined;
}

/** Makes a missing component `name` of the directory `parent`; `last` where nothing follows it. */
export type Make = (parent: number, name: string, last: boolean) => void;

/** An O_PATH descriptor, and the path below the root it came to lie at: absolute, free of symlinks and `..`. */
export type Beneath = { readonly fd: number; readonly path: string };

/** An open directory on the way, and its name in the one before. */
type Level = { readonly fd: number; readonly name: string };

// path_resolution(7): the kernel gives up after 40 symlinks.
const MAX_LINKS = 40;

/**
 * Opens a path (O_PATH) as a process whose root is the directory `root` would resolve it: what openat2(2) does with
 * RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, made of single components that are never followed, so that it needs no FFI
 * and can create on the way. Symlinks are read and walked from here; `..` goes back to the directory one came from and
 * never above `root`. undefined where a component is missing and `make` is not given. @throws KernelError
 */
export function openBeneath(root: string, path: string, make?: Make): Beneath | undefined {
  const call = (): string => `openat(${quote(root)}, ${quote(path)}, O_PATH|O_NOFOLLOW)`;
  return nodeCall("openat2", call, () => {
    const levels: Level[] = [{ fd: openSync(root, O.PATH | constants.O_DIRECTORY), name: "" }];
    try {
      if (!descend(levels, path, make, call)) return undefined;
      const { fd } = levels.at(-1)!;
      const names = levels.slice(1).map((level) => level.name);
      levels.pop();
      return { fd, path: `/${names.join("/")}` };
    } finally {
      for (const { fd } of levels) closeSync(fd);
    }
  });
}

/** Walks on from the last level and adds one a component; false where one is missing. */
function descend(levels: Level[], path: string, make: Make | undefined, call: () => string): boolean {
  const todo = components(path);
  for (let links = 0; todo.length > 0;) {
    const name = todo.pop()!;
    if (name === "..") {
      if (levels.length > 1) closeSync(levels.pop()!.fd);
      continue;
    }
    const parent = levels.at(-1)!.fd;
    const fd = step(parent, name) ?? made(parent, name, todo.length === 0, make);
    if (fd === undefined) return false;
    if (!fstatSync(fd).isSymbolicLink()) {
      levels.push({ fd, name });
      continue;
    }
    closeSync(fd);
    if (++links > MAX_LINKS) throw refused("openat2", call(), "ELOOP");
    const target = readlinkSync(`${selfFd(parent)}/${name}`);
    if (target.startsWith("/")) for (const left of levels.splice(1)) closeSync(left.fd);
    todo.push(...components(target));
  }
  return true;
}

function step(parent: number, name: string): number | undefined {
  try {
    return openSync(`${selfFd(parent)}/${name}`, O.PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function made(parent: number, name: string, last: boolean, make: Make | undefined): number | undefined {
  make?.(parent, name, last);
  return make === undefined ? undefined : step(parent, name);
}

/** Last component first, so that the next one is popped. */
function components(path: string): string[] {
  return path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .reverse();
}
