import { placeOf } from "#model/identity";
import type { Claim } from "#guard/claim";
import { unmount } from "#guard/unmount";
import type { Context } from "./context.ts";

/** What is ours right now: what the record said and what this execution mounted. */
export function claim(x: Context): Claim {
  const { observed, id } = x.plan;
  const phase = observed.record?.phase;
  return {
    place: placeOf(observed.place.state, id),
    tag: x.tag,
    mounts: Object.fromEntries(x.mounted),
    resources: [...x.before, ...x.after],
    interrupted: phase === "applying" || phase === "destroying",
  };
}

/** Takes the mount of an address away again, as an undo. */
export function takeDown(x: Context, address: string): void {
  const mount = x.mounted.get(address);
  if (mount !== undefined) unmount(x, claim(x), mount.point);
  x.mounted.delete(address);
}
