import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import type { Issue } from "#model/facts";
import type { HostEntry, Layer, StoredLayer } from "#model/resource";
import { isStored, storeOf } from "#model/resource";
import type { Source, SpecPath } from "#model/spec";
import type { Reader } from "#ports/reader";
import { closure, type ClosureEntry } from "#sources/closure";
import type { Ground } from "./ground.ts";
import { sameStamp, stamped } from "./stamp.ts";

/** Host programs and all they need as the layer it will be stored as: its digest is that of paths, modes and contents. */
export function resolveHost(
  reader: Reader,
  { state, known }: Ground,
  { programs, ...extras }: Extract<Source, { kind: "host" }>,
  at: SpecPath,
): StoredLayer | Issue {
  const found = closure(reader, programs as readonly AbsPath[], extras);
  const [gap] = found.gaps;
  if (gap !== undefined) {
    const { summary, detail } = gap;
    return { path: [...at, "host", ...gap.at], severity: "error", code: "not_found", summary, detail };
  }
  const before = filesOf(known);
  const entries: HostEntry[] = [];
  for (const entry of found.entries) {
    const whole = describe(reader, before, entry);
    if (whole === undefined) {
      const detail = `${entry.path} changes while it is read`;
      return { path: at, severity: "error", code: "bad_value", summary: "cannot be copied now", detail };
    }
    entries.push(whole);
  }
  const digest = reader.sha256(JSON.stringify(entries.map(content)));
  return {
    source: [...programs, ...(extras.nss === true ? ["nss"] : []), ...(extras.locales ?? [])].join(", "),
    path: join(storeOf(state), digest),
    inode: { dev: "0:0", ino: "0" },
    digest,
    recipe: { kind: "host", entries },
  };
}

type HostFile = Extract<HostEntry, { type: "file" }>;

function filesOf(known: readonly Layer[]): ReadonlyMap<string, HostFile> {
  const entries = known
    .filter(isStored)
    .flatMap(({ recipe }) => (recipe.kind === "host" ? recipe.entries : []));
  return new Map(entries.flatMap((e) => (e.type === "file" ? [[e.path, e] as const] : [])));
}

function describe(
  reader: Reader,
  before: ReadonlyMap<string, HostFile>,
  entry: ClosureEntry,
): HostEntry | undefined {
  if (entry.type === "symlink") return entry;
  const { path } = entry;
  const old = before.get(path);
  const found = stamped(reader, path, (stamp) =>
    old !== undefined && sameStamp(old.stamp, stamp) ? old.sha256 : undefined,
  );
  const mode = reader.stat(path)?.mode;
  return found === undefined || mode === undefined ? undefined : { path, type: "file", mode, ...found };
}

/** What of an entry ends up in the layer. */
function content(entry: HostEntry): readonly unknown[] {
  return entry.type === "file" ? [entry.path, entry.mode, entry.sha256] : [entry.path, entry.to];
}
