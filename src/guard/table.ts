import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import { escapePath, mountById, parseMountinfo } from "#model/mountinfo";
import type { MountEntry } from "#model/observed";
import { readMountinfo } from "#observe/host";
import type { Reader } from "#ports/reader";

/** The mount table as it is now: the guard reads it right before it acts and trusts none that was read earlier. */
export type Table = { readonly text: string; readonly mounts: readonly MountEntry[] };

/** Reads the table anew; only lines that mention one of the paths or words are parsed. */
export function readTable(reader: Reader, paths: readonly AbsPath[], words: readonly string[] = []): Table {
  const text = readMountinfo(reader);
  return { text, mounts: parseMountinfo(text, [...paths.map(escapePath), ...words]) };
}

/** Mounts at or below a path, in the kernel's order. */
export function mountsWithin(table: Table, path: AbsPath): readonly MountEntry[] {
  return table.mounts.filter((m) => isWithin(path, m.point));
}

/** What a mount is mounted on; it may be any mount of the host. */
export function parentMount(table: Table, mount: MountEntry): MountEntry | undefined {
  return table.mounts.find((m) => m.id === mount.parent) ?? mountById(table.text, mount.parent);
}

/** Whether a path leads to this very mount: nothing is stacked on it, and no mount further up hides it. */
export function isVisible(reader: Reader, mount: MountEntry): boolean {
  const id = reader.mountId(mount.point as AbsPath);
  return id === undefined || id === mount.id;
}
