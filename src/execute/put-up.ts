import type { Place } from "#model/observed";
import type { RecordedMount } from "#model/record";
import type { InnerMount, Overlay } from "#model/resource";
import { volatileMark } from "#model/stack";
import type { Step } from "#model/step";
import { assemble, makeUpper, refuseHiding } from "./assemble.ts";
import type { Context, Undo } from "./context.ts";
import { deletePath, emptyDir } from "./dirs.ts";
import { takeDown } from "./own.ts";

type Of<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** The self-bind that keeps the environment's mounts from the host's peers. @throws KernelError */
export function anchor(step: Of<"anchor">, x: Context, undo: Undo): undefined {
  x.mounted.set("anchor", { ...x.mounts.anchor(step.path), point: step.path });
  undo(() => takeDown(x, "anchor"));
}

/** The tmpfs of an upper, noted as `rw`. @throws KernelError */
export function mountRw(step: Of<"mount_rw">, x: Context, undo: Undo): undefined {
  x.mounted.set("rw", { ...x.mounts.tmpfs(step.path, { tag: x.tag, bytes: step.bytes }), point: step.path });
  undo(() => takeDown(x, "rw"));
}

/** Overlay and everything in it appear at once, or not at all: a kill before the attaching call leaves nothing. */
export function stack(step: Of<"stack">, x: Context, undo: Undo): string {
  undo(() => {
    for (const mount of [...step.inner].reverse()) takeDown(x, mount.address);
    takeDown(x, step.address);
  });
  raise(step.overlay, step.inner, x);
  const layers = step.overlay.lowers.length;
  return `${layers} ${layers === 1 ? "layer" : "layers"}`;
}

/** Builds the init layer afresh, assembles in a private namespace, attaches, and notes what came of it. */
export function raise(overlay: Overlay, inner: readonly InnerMount[], x: Context): void {
  const { place, covering } = x.plan.observed;
  emptyDir(x, place.init, overlay.root);
  emptyDir(x, place.initWork, { mode: 0o700, uid: overlay.root.uid, gid: overlay.root.gid });
  if (overlay.upper.kind !== "none") makeUpper(x.files, place, overlay);
  if (overlay.upper.kind === "disk") forgetVolatile(x, place);
  const { tree, points } = x.mounts.stage((stage) => ({
    points: assemble(stage, x, { place, tag: x.tag, overlay, inner, ...(covering && { covering }) }),
    tree: stage.take(place.merged),
  }));
  x.mounted.set(overlay.address, { ...x.mounts.attach(tree, place.merged), point: place.merged });
  for (const [address, { point }] of points) x.mounted.set(address, { ...x.mounts.identify(point), point });
}

/**
 * A volatile overlay leaves a mark in work that keeps upper from being mounted again. The machine has not crashed since, which the plan
 * made sure of: then the page cache holds all of upper, and the mark may go (overlayfs.rst, "Volatile mount").
 */
function forgetVolatile(x: Context, place: Place): void {
  deletePath(x, volatileMark(place));
}

/** One mount into the live overlay. @throws Failure conflict where it would hide another; KernelError */
export function bind(step: Of<"bind">, x: Context, undo: Undo): undefined {
  undo(() => takeDown(x, step.address));
  const { point } = mountInner(step.mount, x);
  const others = [...x.mounted].filter(([address]) => address !== step.address);
  refuseHiding(x.plan.observed.place.merged, step.mount, point, others);
}

/** Into the live overlay; the target is resolved inside it. */
export function mountInner(mount: InnerMount, x: Context): RecordedMount {
  const made = x.mounts.inner(x.plan.observed.place.merged, mount);
  x.mounted.set(mount.address, made);
  return made;
}
