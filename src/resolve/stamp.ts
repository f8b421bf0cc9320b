import type { AbsPath } from "#model/brand";
import type { Stamp } from "#model/resource";
import type { Reader } from "#ports/reader";

/** What tells whether a file is still what it was; undefined where it is gone. */
function stampOf(reader: Reader, path: AbsPath): Stamp | undefined {
  const stat = reader.stat(path);
  if (stat === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  return { dev, ino, size, mtime: mtimeNs.toString(), ctime: ctimeNs.toString() };
}

/** Whether the file is the one it was and nobody wrote to it: ctime cannot be set back (inode(7)). */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return (
    a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime
  );
}

/** By reader, that is by command: environments share archives and programs, and before a first use all is resolved twice. */
const digests = new WeakMap<Reader, Map<string, string>>();

function digestOf(reader: Reader, path: AbsPath, stamp: Stamp): string {
  const found = digests.get(reader) ?? new Map<string, string>();
  digests.set(reader, found);
  const key = JSON.stringify(stamp);
  const digest = found.get(key) ?? reader.digest(path);
  found.set(key, digest);
  return digest;
}

/**
 * A file's sha256 with the stamp it belongs to: `known` tells digests found before. undefined where the file is written to meanwhile,
 * three times over, or gone.
 */
export function stamped(
  reader: Reader,
  path: AbsPath,
  known: (stamp: Stamp) => string | undefined,
): { readonly stamp: Stamp; readonly sha256: string } | undefined {
  for (let tries = 0; tries < 3; tries++) {
    const stamp = stampOf(reader, path);
    if (stamp === undefined) return undefined;
    const sha256 = known(stamp) ?? digestOf(reader, path, stamp);
    const after = stampOf(reader, path);
    if (after !== undefined && sameStamp(stamp, after)) return { stamp, sha256 };
  }
  return undefined;
}
