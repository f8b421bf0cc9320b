// What becomes of each resource but the layers (./layers.ts): declared, recorded and standing are three views of it.
import type { Observed } from "#model/observed";
import type { Action, Because, Change } from "#model/plan";
import type { InnerMount, Limit, Overlay } from "#model/resource";
import { byTarget } from "#model/resource";
import { innerChanges, overlayChanges } from "./compare.ts";
import type { Standings } from "./standing.ts";

/** What is declared and does not stand here: never applied, or gone since. */
function absent<R extends Overlay | InnerMount | Limit>(
  after: R,
  before: R | undefined,
  observed: Observed,
): Action {
  const because = before === undefined ? "not_applied" : observed.rebooted ? "rebooted" : "missing";
  return { address: after.address, kind: after.kind, op: "create", because, after };
}

/** Nothing of a mounted overlay changes in place: whatever differs replaces it. */
export function decideOverlay(
  after: Overlay,
  before: Overlay | undefined,
  stand: Standings,
  observed: Observed,
): Action {
  const standing = stand.get(after.address)!; // of what is recorded, always there
  if (before === undefined || standing.is === "missing") return absent(after, before, observed);
  const subject = { address: after.address, kind: after.kind };
  const changes = overlayChanges(before, after);
  if (standing.is === "stacked")
    return { ...subject, op: "replace", because: "stacked", before, after, changes };
  if (changes.length > 0)
    return { ...subject, op: "replace", because: overlayReason(changes), before, after, changes };
  if (standing.is === "changed") {
    const seen: Change = {
      path: "mounted",
      before: standing.what,
      after: "as declared",
      forces_replace: true,
    };
    return { ...subject, op: "replace", because: "options_changed", before, after, changes: [seen] };
  }
  return { ...subject, op: "keep", after };
}

function overlayReason(changes: readonly Change[]): Because {
  if (changes.some((c) => c.path === "rootfs")) return "rootfs_changed";
  return changes.some((c) => c.path === "lowers") ? "lowers_changed" : "options_changed";
}

/** Parents first, since what hangs in a replaced mount is replaced with it. */
export function decideInner(
  desired: readonly InnerMount[],
  recorded: readonly InnerMount[],
  overlay: Action,
  stand: Standings,
  observed: Observed,
): readonly Action[] {
  const before = new Map(recorded.map((r) => [r.address, r]));
  const disturbed = recorded
    .filter((r) => !desired.some((d) => d.address === r.address))
    .map((r) => r.target);
  return [...desired].sort(byTarget).map((after): Action => {
    const below = disturbed.some((target) => after.target.startsWith(`${target}/`));
    const action = decideOne(after, before.get(after.address), overlay, below, stand, observed);
    if (action.op !== "keep") disturbed.push(after.target);
    return action;
  });
}

function decideOne(
  after: InnerMount,
  before: InnerMount | undefined,
  overlay: Action,
  disturbed: boolean,
  stand: Standings,
  observed: Observed,
): Action {
  const standing = stand.get(after.address)!; // of what is recorded, always there
  if (before === undefined || standing.is === "missing") return absent(after, before, observed);
  const subject = { address: after.address, kind: after.kind };
  const changes = innerChanges(before, after);
  const replace = (because: Because): Action => ({
    ...subject,
    op: "replace",
    because,
    before,
    after,
    changes,
  });
  if (overlay.op !== "keep" || disturbed) return replace("dependency_replaced");
  if (standing.is === "stacked") return replace("stacked");
  if (observed.staleSources[after.address] !== undefined) return replace("source_replaced");
  if (changes.some((c) => c.path === "source")) return replace("source_replaced");
  if (changes.some((c) => c.forces_replace === true)) return replace("options_changed");
  if (changes.length > 0)
    return { ...subject, op: "update", because: "options_changed", before, after, changes };
  if (standing.is === "changed") {
    const seen: Change = { path: "mounted", before: standing.what, after: "as declared" };
    const again = { ...subject, because: "options_changed", before, after } as const;
    // Mounted anew a tmpfs is empty.
    return after.kind === "tmpfs"
      ? { ...again, op: "replace", changes: [{ ...seen, forces_replace: true }] }
      : { ...again, op: "update", changes: [seen] };
  }
  return { ...subject, op: "keep", after };
}

/** Limits change in place. */
export function decideLimit(
  after: Limit,
  before: Limit | undefined,
  stand: Standings,
  observed: Observed,
): Action {
  const standing = stand.get(after.address)!; // of what is recorded, always there
  if (before === undefined || standing.is === "missing") return absent(after, before, observed);
  const subject = { address: after.address, kind: after.kind };
  if (before.value !== after.value) {
    return {
      ...subject,
      op: "update",
      because: "options_changed",
      before,
      after,
      changes: [{ path: "value", before: before.value, after: after.value }],
    };
  }
  if (standing.is === "present") return { ...subject, op: "keep", after };
  const held = standing.is === "changed" ? standing.value : undefined;
  return {
    ...subject,
    op: "update",
    because: "options_changed",
    before,
    after,
    changes: [{ path: "value", before: held, after: after.value }],
  };
}
