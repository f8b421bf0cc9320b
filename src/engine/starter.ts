import { type AbsPath, baseName, join } from "#model/brand";
import { NAME_PATTERN } from "#model/identity";
import type { Reader } from "#ports/reader";
import type { ReadHost } from "./host.ts";

/** What a starter file says: a name, a rootfs that exists here, and the file that has the name already. */
export type Starter = { readonly name: string; readonly rootfs: StarterRootfs; readonly taken?: string };

/** A directory that is there, or programs of the host: enough of them to look around. */
export type StarterRootfs = { readonly dir: string } | { readonly host: readonly string[] };

const PROGRAMS = ["sh", "ls", "cat", "cp", "mv", "rm", "mkdir", "env", "id", "ps", "grep", "sed"];
const DIRS = ["/bin", "/usr/bin"] as AbsPath[];

/** undefined where the name is none. Without one the working directory's is made into one. */
export function starter({ reader, cwd }: ReadHost, given?: string): Starter | undefined {
  const name = given ?? made(baseName(cwd));
  if (!NAME_PATTERN.test(name)) return undefined;
  const host = PROGRAMS.flatMap((program) => onHost(reader, program));
  const own =
    reader.stat(join(cwd, "rootfs"))?.type === "dir" ? "../rootfs" : host.length === 0 ? "/" : undefined;
  const rootfs = own === undefined ? { host } : { dir: own };
  const taken = [`envs/${name}.yaml`, `envs/${name}.yml`].find(
    (file) => reader.lstat(join(cwd, file)) !== undefined,
  );
  return { name, rootfs, ...(taken === undefined ? {} : { taken }) };
}

function onHost(reader: Reader, program: string): readonly string[] {
  const found = DIRS.map((dir) => join(dir, program)).find((path) => reader.stat(path)?.type === "file");
  return found === undefined ? [] : [found];
}

const made = (directory: string): string =>
  directory
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[_-]+|-+$/g, "")
    .slice(0, 63) || "env";
