import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { arch } from "node:os";
import { KernelError } from "#model/diagnostic";
import { hintFor } from "./hints.ts";
import type { Name } from "./print.ts";

type Koffi = typeof import("koffi");
type Library = ReturnType<Koffi["load"]>;
type KoffiFunction = ReturnType<Library["func"]>;

/** C types of arguments. On x86_64 and aarch64 Linux integers travel alike in fixed and variable argument lists. */
export type CType = "int" | "uint" | "long" | "ulong" | "void *";

/** A libc symbol, or a system call's number: one for both (those since 5.0), or x86_64's and the generic table's (aarch64, riscv64). */
export type Target = string | number | readonly [x64: number, generic: number];

/** A system call: its arguments, and its arguments as strace prints them, made only when it fails. */
export type Call = (args: readonly unknown[], print: () => readonly string[]) => number;

let loaded: { readonly koffi: Koffi; readonly libc: Library } | undefined;

/**
 * koffi's binary for glibc, from where Node would take its package; else what a loader of its own finds: the package's costs 13 ms, the
 * platform's 4, the binary by require() 2.6 and by itself 1.6.
 */
function load(): Koffi {
  const require = createRequire(import.meta.url);
  const platform = `linux-${arch()}`;
  const name = `@koromix/koffi-${platform}`;
  // NixOS and Guix have no /lib, and glibc.
  const musl = existsSync("/lib") && readdirSync("/lib").some((file) => file.startsWith("ld-musl-"));
  const places = musl ? [] : (require.resolve.paths(name) ?? []);
  const binary = places
    .map((dir) => `${dir}/${name}/${platform.replace("-", "_")}/koffi.node`)
    .find((path) => existsSync(path));
  try {
    if (binary === undefined) return require(name) as Koffi;
    const module = { exports: {} };
    require.extensions[".node"](module as NodeJS.Module, binary);
    return module.exports as Koffi;
  } catch {
    return require("koffi") as Koffi; // not installed, or laid out anew
  }
}

/** koffi on first use. */
function ffi(): { readonly koffi: Koffi; readonly libc: Library } {
  if (loaded === undefined) {
    const koffi = load();
    loaded = { koffi, libc: koffi.load(null) };
  }
  return loaded;
}

/** Whether koffi was loaded by this process, for tests of what must not load it. */
export function ffiLoaded(): boolean {
  return loaded !== undefined;
}

/** Second names. */
const ALSO = ["EWOULDBLOCK", "EDEADLOCK", "ENOTSUP"];

/** `ENOENT` for 2; `errno 999` for one without a name. */
export function errnoName(errno: number): string {
  const table: Record<string, number> = ffi().koffi.os.errno;
  for (const name in table) if (table[name] === errno && !ALSO.includes(name)) return name;
  return `errno ${errno}`;
}

/** A KernelError with the hint of the table; `topic` is looked up there. */
export function refused(topic: string, call: string, errno: string, cause?: unknown): KernelError {
  return new KernelError(call, errno, hintFor(topic, errno), cause);
}

/**
 * Declares a system call, which koffi learns on the first use. The call answers what the kernel does, and throws
 * KernelError where that is -1.
 */
export function systemCall(name: string, target: Target, types: readonly CType[]): Call {
  let native: ((...args: readonly unknown[]) => number) | undefined;
  return (args, print) => {
    const { koffi, libc } = ffi();
    native ??= declare(libc, target, types);
    const answer = native(...args);
    if (answer !== -1) return answer;
    const errno = errnoName(koffi.errno());
    throw refused(name, `${name}(${print().join(", ")})`, errno);
  };
}

function declare(
  libc: Library,
  target: Target,
  types: readonly CType[],
): (...args: readonly unknown[]) => number {
  if (typeof target === "string") return libc.func(target, "int", [...types]);
  const number = typeof target === "object" ? target[arch() === "x64" ? 0 : 1] : target;
  return libc.func("syscall", "long", ["long", ...types]).bind(undefined, number);
}

/** A path or name as an argument. One that holds a NUL is refused: the kernel would silently use its beginning. */
export function cString(name: Name): string | Buffer {
  if (typeof name === "string" ? name.includes("\0") : name.includes(0))
    throw refused("path", "path with a NUL byte", "EINVAL");
  return typeof name === "string" ? name : Buffer.concat([name, Buffer.of(0)]);
}

/** A function of libc by its C prototype, for one that is no plain system call: its answer is the caller's to judge. */
export function libcFunction(prototype: string): KoffiFunction {
  return ffi().libc.func(prototype);
}

/** Functions of another library by their C prototypes; undefined where the host does not have it. */
export function library(name: string): ((prototype: string) => KoffiFunction) | undefined {
  try {
    const loaded = ffi().koffi.load(name);
    return (prototype) => loaded.func(prototype);
  } catch {
    return undefined;
  }
}
