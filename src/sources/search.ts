import type { AbsPath } from "#model/brand";
import { absolute, join, parentOf } from "#model/brand";
import type { Reader } from "#ports/reader";
import type { Elf } from "./elf.ts";

/** The names Debian and its kin give the directories of a machine's libraries, by e_machine (elf.h) and class. */
const TRIPLETS: Readonly<Record<string, string>> = {
  "3/32": "i386-linux-gnu",
  "21/64": "powerpc64le-linux-gnu",
  "22/64": "s390x-linux-gnu",
  "40/32": "arm-linux-gnueabihf",
  "62/64": "x86_64-linux-gnu",
  "183/64": "aarch64-linux-gnu",
  "243/64": "riscv64-linux-gnu",
  "258/64": "loongarch64-linux-gnu",
};

/** Where a loader looks without being told (ld.so(8); musl: ldso/dynlink.c). */
export function defaultDirs({ machine, bits }: Elf, interpreter: string): readonly AbsPath[] {
  const triplet = TRIPLETS[`${machine}/${bits}`];
  const dirs = interpreter.includes("/ld-musl-")
    ? ["/lib", "/usr/local/lib", "/usr/lib"]
    : [
        ...(triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`]),
        ...(bits === 64 ? ["/lib64", "/usr/lib64"] : []),
        "/lib",
        "/usr/lib",
      ];
  return dirs as AbsPath[];
}

/** Directories of /etc/ld.so.conf and what it includes, in order (ldconfig(8)). */
export function configuredDirs(
  reader: Reader,
  file: AbsPath = "/etc/ld.so.conf" as AbsPath,
  depth = 0,
): readonly AbsPath[] {
  const lines = (reader.textAny(file) ?? "").split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.flatMap((line): readonly AbsPath[] => {
    const [, pattern] = /^include\s+(\S+)$/.exec(line) ?? [];
    if (pattern === undefined) return line.startsWith("/") ? [join(line as AbsPath)] : [];
    const path = absolute(parentOf(file), pattern);
    return depth > 8 ? [] : matching(reader, path).flatMap((each) => configuredDirs(reader, each, depth + 1));
  });
}

/** A pattern with `*` in its last component, as distributions write it. */
function matching(reader: Reader, pattern: AbsPath): readonly AbsPath[] {
  const dir = parentOf(pattern);
  const parts = pattern.slice(pattern.lastIndexOf("/") + 1).split("*");
  const shape = new RegExp(`^${parts.map((p) => p.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
  return [...(reader.listAny(dir) ?? [])]
    .filter((name) => shape.test(name) && !name.startsWith("."))
    .sort()
    .map((name) => join(dir, name));
}

/** `$ORIGIN`, `$LIB` and `$PLATFORM` in a run path; a relative directory would depend on the caller's, and is left out. */
export function expand(dirs: readonly string[], origin: AbsPath, bits: 32 | 64): readonly AbsPath[] {
  const words: Readonly<Record<string, string>> = { ORIGIN: origin, LIB: bits === 64 ? "lib64" : "lib" };
  return dirs.flatMap((dir) => {
    const text = dir.replace(
      /\$(?:\{(\w+)\}|(ORIGIN|LIB|PLATFORM)\b)/g,
      (all, long?: string, short?: string) => {
        return words[long ?? short ?? ""] ?? all;
      },
    );
    return text.startsWith("/") && !text.includes("$") ? [join(text as AbsPath)] : [];
  });
}
