import { baseName, join } from "#model/brand";
import { NAME_PATTERN } from "#model/identity";
import type { ReadHost } from "./host.ts";

/** What a starter file says: a name, a rootfs that exists here, and the file that has the name already. */
export type Starter = { readonly name: string; readonly rootfs: string; readonly taken?: string };

/** undefined where the name is none. Without one the working directory's is made into one. */
export function starter({ reader, cwd }: ReadHost, given?: string): Starter | undefined {
  const name = given ?? made(baseName(cwd));
  if (!NAME_PATTERN.test(name)) return undefined;
  const rootfs = reader.stat(join(cwd, "rootfs"))?.type === "dir" ? "../rootfs" : "/";
  const taken = [`envs/${name}.yaml`, `envs/${name}.yml`].find(
    (file) => reader.lstat(join(cwd, file)) !== undefined,
  );
  return { name, rootfs, ...(taken === undefined ? {} : { taken }) };
}

const made = (directory: string): string =>
  directory
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[_-]+|-+$/g, "")
    .slice(0, 63) || "env";
