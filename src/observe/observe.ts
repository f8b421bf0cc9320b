import type { AbsPath, EnvId, Lineage } from "#model/brand";
import { isWithin, parentOf } from "#model/brand";
import { placeOf } from "#model/identity";
import { escapePath, parseMountinfo } from "#model/mountinfo";
import type { Host, MountEntry, Observed } from "#model/observed";
import type { EnvRecord } from "#model/record";
import { storedLayers } from "#model/resource";
import type { Reader } from "#ports/reader";
import { observeCgroups, whereMade } from "./cgroups.ts";
import { coveringMount, lookAtHost, lookElsewhere, readMountinfo } from "./host.ts";
import { quietly } from "./proc.ts";
import { isUpperUsed } from "./upper.ts";

export type Wanted = {
  /** From `lookAtHost`; read anew where absent. */
  readonly host?: Host;
  /** What the environment's record says; absent: it has none. */
  readonly record?: EnvRecord;
};

/** Looks at one environment, changing nothing. `state` is a real path. @throws KernelError where /proc cannot be read */
export function observe(
  reader: Reader,
  id: EnvId,
  lineage: Lineage,
  state: AbsPath,
  wanted: Wanted = {},
): Observed {
  const { record } = wanted;
  const host = wanted.host ?? lookAtHost(reader);
  const place = placeOf(state, id);
  const rebooted = record !== undefined && record.boot !== host.boot;
  const abroad = record !== undefined && !rebooted && record.mountNamespace !== host.mountNamespace;
  const seen = mountsWithin(reader, host, place.dir, rebooted || abroad ? undefined : record);
  const covering = coveringMount(reader, host.mountinfo, parentOf(place.dir));
  const groups = record?.cgroups ?? [];
  const hierarchies = whereMade(reader, host.hierarchies, groups);
  return {
    id,
    lineage,
    place,
    boot: host.boot,
    mountNamespace: host.mountNamespace,
    ...(host.pidNamespace === undefined ? {} : { pidNamespace: host.pidNamespace }),
    ...(record === undefined ? {} : { record }),
    mounts: seen,
    ...(covering === undefined ? {} : { covering }),
    hierarchies,
    cgroups: observeCgroups(reader, hierarchies, lineage, id, groups),
    upperUsed: isUpperUsed(reader, place.upper),
    ...(abroad ? { elsewhere: lookElsewhere(reader, host, record) } : {}),
    staleSources: record === undefined ? {} : staleSources(reader, record),
    rebooted,
    ...absentLayers(reader, record),
  };
}

/** Of the stored layers that were applied, those that somebody took away. */
function absentLayers(reader: Reader, record: EnvRecord | undefined): Pick<Observed, "absentLayers"> {
  const paths = storedLayers(record?.resources ?? []).map(({ path }) => path);
  const absent = paths.filter((path) => reader.lstat(path) === undefined);
  return absent.length === 0 ? {} : { absentLayers: absent };
}

/**
 * Mounts at or below a directory. Before 5.8 one read can miss entries while others unmount, so where a recorded mount is
 * missing the table is read once more and the fuller answer counts.
 */
function mountsWithin(
  reader: Reader,
  host: Host,
  dir: AbsPath,
  record: EnvRecord | undefined,
): readonly MountEntry[] {
  const read = (text: string): readonly MountEntry[] =>
    parseMountinfo(text, [escapePath(dir)]).filter((m) => isWithin(dir, m.point));
  const first = read(host.mountinfo);
  const ids = new Set(first.map((m) => m.id));
  if (Object.values(record?.mounts ?? {}).every((m) => ids.has(m.id))) return first;
  const second = read(readMountinfo(reader));
  return second.length >= first.length ? second : first;
}

/** Recorded sources that are another object now, or none: the mount still holds what was there. */
function staleSources(reader: Reader, record: EnvRecord): Readonly<Record<string, "gone" | "replaced">> {
  const out: Record<string, "gone" | "replaced"> = {};
  for (const r of record.resources) {
    if (r.kind !== "volume" || r.inode === undefined) continue;
    const now = quietly(() => reader.stat(r.path) ?? null);
    if (now === undefined) continue; // not ours to look at
    if (now === null) out[r.address] = "gone";
    else if (now.dev !== r.inode.dev || now.ino !== r.inode.ino) out[r.address] = "replaced";
  }
  return out;
}
