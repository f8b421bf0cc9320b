import type { AbsPath } from "#model/brand";
import { absolute, baseName, join, parentOf } from "#model/brand";
import type { HostExtras, SpecPath } from "#model/spec";
import type { Reader } from "#ports/reader";
import type { Elf } from "./elf.ts";
import { readElf } from "./elf.ts";
import { localeFiles, localesHere, nameServices } from "./extras.ts";
import { configuredDirs, defaultDirs, expand } from "./search.ts";

/** What of the host a closure consists of: files at their real paths, and the symlinks on the way to them as they are. */
export type ClosureEntry =
  | { readonly path: AbsPath; readonly type: "file" }
  | { readonly path: AbsPath; readonly type: "symlink"; readonly to: string };

/** Something that is needed and not there; `at` says of what: the program's index, or `locales` and the locale's. */
export type Gap = { readonly at: SpecPath; readonly summary: string; readonly detail: string };

export type Closure = { readonly entries: readonly ClosureEntry[]; readonly gaps: readonly Gap[] };

/** Where `env` in a first line looks. */
const PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"] as AbsPath[];
const CACHE = "/etc/ld.so.cache" as AbsPath;
/** As many as the kernel follows (path_resolution(7)). */
const HOPS = 40;

/** How an object came to be loaded: what its DT_NEEDED are searched with. */
type Loaded = {
  readonly elf: Elf;
  readonly interpreter: string;
  /** DT_RPATH of those that asked for it, nearest first (ld.so(8)). */
  readonly rpaths: readonly AbsPath[];
};

/**
 * Host programs with everything they need to start: loaders, DT_NEEDED recursively, the interpreters of scripts. What a program opens
 * later by itself (dlopen(3)) no header tells: name service modules and locales come on request.
 */
export function closure(reader: Reader, programs: readonly AbsPath[], extras: HostExtras = {}): Closure {
  const entries = new Map<AbsPath, ClosureEntry>();
  const gaps: Gap[] = [];
  const headers = new Map<AbsPath, Header>();
  const walk = (at: SpecPath): Walk =>
    new Walk(reader, entries, headers, (summary, detail) => void gaps.push({ at, summary, detail }));
  programs.forEach((path, i) => walk([i]).program(path));
  if (extras.nss === true) {
    const { files, modules } = nameServices(reader);
    const asking = programs.map((path) => headers.get(reader.realpath(path) ?? path)).find(isDynamic);
    const nss = walk([]);
    for (const path of files) nss.file(path);
    for (const name of modules) if (asking !== undefined) nss.module(name, asking);
  }
  extras.locales?.forEach((name, i) => {
    const files = localeFiles(reader, name);
    const at = walk(["locales", i]);
    if (files === undefined) at.missing("no such locale", localesHere(reader));
    else files.forEach((path) => at.file(path));
  });
  return { entries: [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), gaps };
}

type Header = ReturnType<typeof readElf>;
type Dynamic = Elf & { readonly interpreter: string };

const isDynamic = (header: Header | undefined): header is Dynamic =>
  typeof header === "object" && header.interpreter !== undefined;

class Walk {
  readonly #reader: Reader;
  readonly #entries: Map<AbsPath, ClosureEntry>;
  readonly #headers: Map<AbsPath, Header>;
  readonly #gap: (summary: string, detail: string) => void;
  /** Objects seen in this program: each is asked once. */
  readonly #seen = new Set<AbsPath>();
  #configured: readonly AbsPath[] | undefined;

  constructor(
    reader: Reader,
    entries: Map<AbsPath, ClosureEntry>,
    headers: Map<AbsPath, Header>,
    gap: (summary: string, detail: string) => void,
  ) {
    this.#reader = reader;
    this.#entries = entries;
    this.#headers = headers;
    this.#gap = gap;
  }

  /** A program or script, by its path on the host. */
  program(path: AbsPath, from = ""): void {
    const real = this.#place(path);
    const stat = real === undefined ? undefined : this.#reader.stat(real);
    if (real === undefined || stat === undefined) return this.#gap("no such program", `${path}${from}`);
    if (stat.type !== "file" || (stat.mode & 0o111) === 0)
      return this.#gap(
        "not a program",
        `${path}${from}: ${stat.type === "file" ? "not executable" : `a ${stat.type}`}`,
      );
    if (this.#seen.has(real)) return;
    this.#seen.add(real);
    const elf = this.#elf(real);
    if (elf === "broken") return this.#gap("not a program", `${path}${from}: its ELF headers are damaged`);
    if (elf === "none") return this.#script(real);
    if (elf.interpreter !== undefined) {
      const loader = absolute(parentOf(real), elf.interpreter);
      if (this.#place(loader) === undefined)
        this.#gap("its loader is missing", `${path} asks for ${elf.interpreter}`);
    }
    this.#libraries(real, { elf, interpreter: elf.interpreter ?? "", rpaths: [] });
  }

  /** A file as it is. */
  file(path: AbsPath): void {
    this.#place(path);
  }

  missing(summary: string, detail: string): void {
    this.#gap(summary, detail);
  }

  /** A library that is opened by name, with what it needs; one that is not installed is not missed, as dlopen(3) callers do not. */
  module(name: string, asking: Dynamic): void {
    const found = this.#find(name, asking, asking.interpreter, []);
    if (found === undefined || this.#seen.has(found.real)) return;
    this.#seen.add(found.real);
    this.#libraries(found.path, { elf: found.elf, interpreter: asking.interpreter, rpaths: [] });
  }

  /** `#!/bin/sh`, and `#!/usr/bin/env [-S] python3` with what env would find (execve(2)). */
  #script(path: AbsPath): void {
    const line = new TextDecoder().decode(this.#reader.part(path, 0, 256)).split("\n", 1)[0] ?? "";
    const [, interpreter, words = ""] = /^#!\s*(\/\S*)\s*(.*)$/.exec(line) ?? [];
    if (interpreter === undefined) return;
    this.program(join(interpreter as AbsPath), `, the interpreter of ${path}`);
    if (baseName(interpreter) !== "env") return;
    const wanted = words.split(/\s+/).find((word) => !word.startsWith("-") && !word.includes("="));
    if (wanted === undefined || wanted === "") return;
    const found = PATH.map((dir) => absolute(dir, wanted)).find((at) => this.#reader.stat(at) !== undefined);
    this.program(found ?? absolute(PATH[0]!, wanted), `, which ${path} asks env for`);
  }

  #libraries(path: AbsPath, { elf, interpreter, rpaths }: Loaded): void {
    const { bits } = elf;
    const origin = parentOf(path);
    const own = elf.runpath.length > 0 ? [] : expand(elf.rpath, origin, bits);
    const inherited = [...own, ...rpaths];
    const told = [...(elf.runpath.length > 0 ? [] : inherited), ...expand(elf.runpath, origin, bits)];
    for (const name of elf.needed) {
      const found = this.#find(name, elf, interpreter, told);
      if (found === undefined) this.#gap("a library is missing", `${path} needs ${name}`);
      else if (!this.#seen.has(found.real)) {
        this.#seen.add(found.real);
        this.#libraries(found.path, { elf: found.elf, interpreter, rpaths: inherited });
      }
    }
  }

  /** In the loader's order: what the object says, what the administrator says, what is built in. */
  #find(
    name: string,
    asked: Elf,
    interpreter: string,
    told: readonly AbsPath[],
  ): { readonly path: AbsPath; readonly real: AbsPath; readonly elf: Elf } | undefined {
    const builtIn = defaultDirs(asked, interpreter);
    const configured = interpreter.includes("/ld-musl-")
      ? []
      : (this.#configured ??= configuredDirs(this.#reader));
    const dirs = name.includes("/") ? ["/" as AbsPath] : [...told, ...configured, ...builtIn];
    for (const dir of dirs) {
      const path = absolute(dir, name);
      const real = this.#reader.realpath(path);
      const elf = real === undefined ? "none" : this.#elf(real);
      if (real === undefined || elf === "none" || elf === "broken" || !fits(elf, asked)) continue;
      this.#place(path);
      // Without its cache the loader would not look into a directory that only the administrator named.
      if (!told.includes(dir) && !builtIn.includes(dir)) this.#place(CACHE);
      return { path, real, elf };
    }
    return undefined;
  }

  #elf(real: AbsPath): Header {
    const known = this.#headers.get(real);
    if (known !== undefined) return known;
    const file = this.#reader.stat(real)?.type === "file";
    const header = file ? readElf((offset, length) => this.#reader.part(real, offset, length)) : "none";
    this.#headers.set(real, header);
    return header;
  }

  /** Takes a file in with every symlink on the way, and answers its real path; undefined where it leads nowhere. */
  #place(path: AbsPath): AbsPath | undefined {
    const left = path.split("/").filter(Boolean).reverse();
    let at = "/" as AbsPath;
    for (let hops = 0; left.length > 0;) {
      const name = left.pop()!;
      const next = join(at, name);
      const stat = this.#reader.lstat(next);
      if (stat === undefined) return undefined;
      if (stat.type !== "symlink") {
        at = next;
        continue;
      }
      if (name === ".." || ++hops > HOPS) return undefined;
      const to = this.#reader.readlink(next) ?? "";
      this.#entries.set(next, { path: next, type: "symlink", to });
      if (to.startsWith("/")) at = "/" as AbsPath;
      left.push(...to.split("/").filter(Boolean).reverse());
    }
    if (this.#reader.stat(at)?.type === "file") this.#entries.set(at, { path: at, type: "file" });
    return at;
  }
}

const fits = (a: Elf, b: Elf): boolean =>
  a.bits === b.bits && a.little === b.little && a.machine === b.machine;
