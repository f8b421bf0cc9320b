/** Nominal types: a plain string is not one of these until a function that checked it says so. */
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** An absolute path on the host, without `.` and `..` components. */
export type AbsPath = Brand<string, "AbsPath">;
/** `NAME-XXXXXXXX`, or `NAME-XXXXXXXX.rN` for a throwaway instance. */
export type EnvId = Brand<string, "EnvId">;
/** Eight hex digits, made once for a state directory. */
export type Lineage = Brand<string, "Lineage">;

/** Joins and normalises; `base` is absolute, `rest` may hold `..`. Total: never touches the file system. */
export function join(base: AbsPath, ...rest: readonly string[]): AbsPath {
  const out: string[] = [];
  for (const part of [base, ...rest].join("/").split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") out.pop();
    else out.push(part);
  }
  return `/${out.join("/")}` as AbsPath;
}

/** An absolute path from text that may be relative to `base`. */
export function absolute(base: AbsPath, text: string): AbsPath {
  return text.startsWith("/") ? join("/" as AbsPath, text) : join(base, text);
}

/** The directory that holds `path`; `/` for `/`. */
export function parentOf(path: AbsPath): AbsPath {
  return join(path, "..");
}

/** The last component of a path; empty for `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** True where `path` is `root` or lies below it, by components. */
export function isWithin(root: string, path: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
