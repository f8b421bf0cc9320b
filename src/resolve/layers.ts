import type { AbsPath } from "#model/brand";
import { absolute } from "#model/brand";
import type { Issue } from "#model/facts";
import type { Layer } from "#model/resource";
import type { Source, SpecPath } from "#model/spec";
import type { Reader } from "#ports/reader";
import { resolveArchive } from "./archive.ts";
import type { Ground } from "./ground.ts";
import { resolveHost } from "./host.ts";
import { nearestPath } from "./nearest.ts";

/** A source as one would say it aloud, for what this version cannot mount yet. */
const LATER: Readonly<Record<Exclude<Source["kind"], "path" | "dir" | "archive" | "host">, string>> = {
  oci: "an OCI layout",
  image: "a registry image",
  debian: "a Debian bootstrap",
  squashfs: "a squashfs image",
  erofs: "an erofs image",
  from: "a snapshot",
};

/** A directory used in place or a layer to be stored, or the reason why it cannot be. */
export function resolveLayer(reader: Reader, ground: Ground, source: Source, at: SpecPath): Layer | Issue {
  if (source.kind === "host") return resolveHost(reader, ground, source, at);
  if (source.kind !== "path" && source.kind !== "dir" && source.kind !== "archive")
    return unsupported(LATER[source.kind], at);
  const wanted = absolute(ground.base, source.path);
  const path = reader.realpath(wanted);
  if (path === undefined) return missing(reader, wanted, at, source.path);
  const stat = reader.stat(path);
  if (source.kind === "archive" || (source.kind === "path" && stat?.type === "file"))
    return resolveArchive(reader, ground, source, path, at);
  if (stat?.type !== "dir") {
    return {
      path: at,
      severity: "error",
      code: "not_directory",
      summary: "not a directory",
      detail: "a layer is a directory",
    };
  }
  return { source: source.path, path, inode: { dev: stat.dev, ino: stat.ino } };
}

/** What to say of a path that is not there, with the near one that is. */
export function missing(reader: Reader, path: AbsPath, at: SpecPath, written: string): Issue {
  const near = nearestPath(reader, path);
  const there = near === undefined ? undefined : asWritten(written, path, near);
  return {
    path: at,
    severity: "error",
    code: "not_found",
    summary: "no such file or directory",
    detail: there === undefined ? `looked at ${path}` : `did you mean "${there}"?`,
  };
}

/** The near path in the form the file used: relative stays relative, as only one component differs. */
function asWritten(written: string, path: AbsPath, near: AbsPath): string {
  const common = commonSuffix(written, path);
  return common === 0 ? near : written.slice(0, written.length - common) + near.slice(path.length - common);
}

function commonSuffix(a: string, b: string): number {
  const parts = a.split("/");
  let length = 0;
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    if (part === "." || part === ".." || !b.slice(0, b.length - length).endsWith(part)) break;
    length += part.length + (i > 0 ? 1 : 0);
  }
  return Math.min(length, a.length, b.length);
}

function unsupported(what: string, at: SpecPath): Issue {
  return {
    path: at,
    severity: "error",
    code: "not_supported",
    summary: `${what} cannot be mounted by this version`,
    detail: "unpack it and name the directory: dir: PATH",
  };
}
