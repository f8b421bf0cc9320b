import { mountTag } from "#model/identity";
import type { MountEntry, Observed } from "#model/observed";
import type { UpperForm } from "#model/resource";

/** The tmpfs of ours that upper and work lie on; undefined where they lie on disk. */
export function tmpfsOfUpper({ mounts, place, lineage, id }: Observed): MountEntry | undefined {
  const tag = mountTag(lineage, id);
  return mounts.find((m) => m.point === place.rw && m.type === "tmpfs" && m.source === tag);
}

/** Whether upper is to lie elsewhere than it does, or in a tmpfs of another size: made so, it would be another and empty. */
export function upperMoves(observed: Observed, upper: UpperForm): boolean {
  const now = tmpfsOfUpper(observed);
  if (upper.kind === "none") return false;
  if (upper.kind === "disk" || now === undefined) return upper.kind === "tmpfs" || now !== undefined;
  return !isOfSize(now, upper.bytes);
}

/** Whether a tmpfs has this size: the kernel rounds up to pages, which have 64 KiB at most, and does not show the size it gives unasked. */
export function isOfSize({ superOptions }: MountEntry, bytes: string): boolean {
  const [, kib] = /^size=(\d+)k$/.exec(superOptions.find((o) => o.startsWith("size=")) ?? "") ?? [];
  return kib === undefined || Math.abs(Number(kib) * 1024 - Number(bytes)) < 65536;
}
