import type { Action } from "#model/plan";
import type { Observed } from "#model/observed";
import type { LayerResource, Overlay, PlanResource, Resource, RootfsResource } from "#model/resource";

type LayerLike = RootfsResource | LayerResource;

export const isLayer = (r: PlanResource): r is LayerLike => r.kind === "rootfs" || r.kind === "layer";

/**
 * Directories used in place are never anything but kept. A stored layer is created where it is not there yet, and replaced where the
 * same source became another one.
 */
export function decideLayer(after: LayerLike, recorded: readonly Resource[], observed: Observed): Action {
  const { address, kind, layer } = after;
  const subject = { address, kind };
  if (layer.digest === undefined) return { ...subject, op: "keep", after };
  const before = recorded.filter(isLayer).find((r) => r.kind === kind && r.layer.source === layer.source);
  if (before?.layer.digest !== undefined && before.layer.digest !== layer.digest) {
    return {
      ...subject,
      op: "replace",
      because: kind === "rootfs" ? "rootfs_changed" : "lowers_changed",
      before,
      after,
      changes: [{ path: "sha256", before: before.layer.digest, after: layer.digest, forces_replace: true }],
    };
  }
  if (observed.absentLayers?.includes(layer.path) !== true) return { ...subject, op: "keep", after };
  const because = before?.layer.digest === undefined ? "not_applied" : "missing";
  return { ...subject, op: "create", because, after };
}

/** An overlay that is mounted over a layer that is gone does not see the one that is made anew. */
export function rebased(overlay: Action, recorded: readonly Resource[], layers: readonly Action[]): Action {
  const lost = layers.find((a) => a.op === "create" && a.because === "missing");
  const before = recorded.find((r): r is Overlay => r.kind === "overlay");
  if (overlay.op !== "keep" || lost === undefined || before === undefined) return overlay;
  return {
    address: overlay.address,
    kind: overlay.kind,
    op: "replace",
    because: lost.kind === "rootfs" ? "rootfs_changed" : "lowers_changed",
    before,
    after: overlay.after,
    changes: [
      { path: "mounted", before: "over a layer that is gone", after: "as declared", forces_replace: true },
    ],
  };
}
