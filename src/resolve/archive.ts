import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import type { Issue } from "#model/facts";
import type { Layer, Stamp, StoredLayer } from "#model/resource";
import { isStored, storeOf } from "#model/resource";
import type { Source, SpecPath } from "#model/spec";
import type { Reader } from "#ports/reader";
import { identify } from "#sources/archive";
import type { Ground } from "./ground.ts";
import { sameStamp, stamped } from "./stamp.ts";

type Written = Extract<Source, { kind: "archive" | "path" }>;

/** An archive as the layer it will be stored as: its digest is that of its bytes, packed as they are. */
export function resolveArchive(
  reader: Reader,
  { state, known }: Ground,
  source: Written,
  path: AbsPath,
  at: SpecPath,
): StoredLayer | Issue {
  const refuse = (summary: string, detail: string): Issue => ({
    path: at,
    severity: "error",
    code: "bad_value",
    summary,
    detail,
  });
  const one = source.kind === "path" ? "neither a directory nor an archive" : "not an archive";
  if (reader.stat(path)?.type !== "file") return refuse(one, "an archive is a file");
  const compression = identify((offset, length) => reader.part(path, offset, length));
  if (compression === undefined) return refuse(one, "a tar archive: plain, .gz, .xz, .zst or .bz2");
  const found = stamped(reader, path, (stamp) => recorded(known, stamp));
  if (found === undefined) return refuse("changes while it is read", "wait until it is written to its end");
  const { stamp, sha256: digest } = found;
  if (source.kind === "archive" && source.sha256 !== undefined && source.sha256 !== digest)
    return {
      ...refuse("not the archive that was meant", `its sha256 is ${digest}`),
      path: [...at, "sha256"],
    };
  return {
    source: source.path,
    path: join(storeOf(state), digest),
    inode: { dev: "0:0", ino: "0" },
    digest,
    recipe: { kind: "archive", archive: path, compression, stamp },
  };
}

/** The digest an earlier apply found of the same file. */
function recorded(known: readonly Layer[], stamp: Stamp): string | undefined {
  return known
    .filter(isStored)
    .find(({ recipe }) => recipe.kind === "archive" && sameStamp(recipe.stamp, stamp))?.digest;
}
