import type { AbsPath } from "#model/brand";
import { join } from "#model/brand";
import type { MountEntry, NamespaceView } from "#model/observed";
import type { Reader } from "#ports/reader";
import type { Claim } from "./claim.ts";
import { prove } from "./prove.ts";
import { mountsWithin, readTable } from "./table.ts";

/** A mount that is not ours and in the way; `seenBy` where it is in another mount namespace. */
export type ForeignMount = MountEntry & {
  readonly seenBy?: { readonly pid: number; readonly namespace: string };
};

/**
 * Mounts that stop us (promise 7): at or below our place and not proven ours, somebody's bind of our overlay at another place, and what
 * others mounted below a copy of our overlay in their namespaces. Copies themselves do no harm, and what a run of the
 * environment mounts in its own namespace goes with it. In the order in which they can be unmounted.
 */
export function foreignMounts(
  reader: Reader,
  claim: Claim,
  views: readonly NamespaceView[],
): readonly ForeignMount[] {
  const table = readTable(reader, [claim.place.dir], [` ${claim.tag} `]);
  const within = mountsWithin(table, claim.place.dir);
  const here = within.filter((m) => !prove(reader, table, claim, m).ours);
  const copies = table.mounts.filter(
    (m) => m.source === claim.tag && m.type === "overlay" && !within.includes(m),
  );
  const known = knownBelow(claim, within);
  const there = views.flatMap((view): ForeignMount[] => {
    const { pid, namespace } = view;
    const strange = view.own ? [] : view.mounts.filter((m) => !isCopy(view, claim, known, m));
    return strange.map((m) => ({ ...m, seenBy: { pid, namespace } }));
  });
  return [...here, ...copies, ...there].reverse();
}

/** Device and point, below the overlay, of everything ours that is or was mounted in it. */
function knownBelow(claim: Claim, mounts: readonly MountEntry[]): ReadonlySet<string> {
  const { merged } = claim.place;
  const below = (m: { readonly dev: string; readonly point: string }): string[] =>
    m.point.startsWith(`${merged}/`) ? [`${m.dev} ${m.point.slice(merged.length)}`] : [];
  return new Set([...mounts, ...Object.values(claim.mounts), ...(claim.former ?? [])].flatMap(below));
}

/** Whether a mount seen elsewhere is the overlay or one of ours in it; paths there begin wherever its overlay is mounted there. */
function isCopy(view: NamespaceView, claim: Claim, known: ReadonlySet<string>, mount: MountEntry): boolean {
  const isOverlay = (m: MountEntry): boolean => m.source === claim.tag && m.type === "overlay";
  let top: MountEntry | undefined = mount;
  while (top !== undefined && !isOverlay(top)) {
    const up: string = top.parent;
    top = view.mounts.find((m) => m.id === up);
  }
  if (top === undefined || top === mount) return top === mount;
  // The part of the overlay that is mounted there need not be its root.
  const inside = join(top.root as AbsPath, mount.point.slice(top.point === "/" ? 0 : top.point.length));
  return known.has(`${mount.dev} ${inside}`);
}
