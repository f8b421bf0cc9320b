import { failure, KernelError } from "#model/diagnostic";
import type { FormerMount, RecordedMount } from "#model/record";
import type { InnerMount, Overlay } from "#model/resource";
import { byTarget } from "#model/resource";
import type { Step } from "#model/step";
import { holders, lastingHolders } from "#guard/holders";
import { awaitGone, stopProcesses as stop } from "#guard/stop";
import { unmount as guardedUnmount } from "#guard/unmount";
import { supervisors } from "#record/runs";
import type { Context, Undo } from "./context.ts";
import { claim } from "./own.ts";
import { mountInner, mountRw, raise } from "./put-up.ts";

type Of<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/**
 * One mount leaves. Undone by mounting again what the record says stood there: an inner mount alone, the overlay together with all that
 * was in it, since its mount points are made with it.
 */
export function unmount(step: Of<"unmount">, x: Context, undo: Undo): undefined {
  const before = x.before.find((r) => r.address === step.address);
  try {
    guardedUnmount(x, claim(x), step.point, { expected: step.mount, lazy: x.lazy });
  } catch (error) {
    throw error instanceof KernelError && error.errno === "EBUSY" ? busy(step, x, error) : error;
  }
  const was = x.mounted.get(step.address);
  const isRw = step.point === x.plan.observed.place.rw;
  x.mounted.delete(isRw ? "rw" : step.address);
  if (isRw) undo(() => remountRw(step, x));
  if (before?.kind === "overlay") undo(() => restack(before, x));
  if (before?.kind !== "volume" && before?.kind !== "tmpfs") return;
  x.former = withFormer(x.former, was);
  x.down.set(before.address, before);
  undo(() => void (x.down.delete(before.address) && mountInner(before, x)));
}

function withFormer(former: readonly FormerMount[], was: RecordedMount | undefined): readonly FormerMount[] {
  if (was === undefined || former.some((f) => f.dev === was.dev && f.point === was.point)) return former;
  return [...former, { dev: was.dev, point: was.point }];
}

/** The tmpfs of an upper, empty as it was. */
function remountRw({ point, address }: Of<"unmount">, x: Context): void {
  const overlay = x.before.find((r): r is Overlay => r.kind === "overlay");
  if (overlay?.upper.kind !== "tmpfs") return;
  mountRw({ do: "mount_rw", address, path: point, bytes: overlay.upper.bytes }, x, () => undefined);
}

/** Somebody came in after the plan looked, or holds it in a way only a closer look finds (a mapped library). */
function busy(step: Of<"unmount">, x: Context, error: KernelError): Error {
  const { merged } = x.plan.observed.place;
  const dev = x.mounted.get(step.address)?.dev;
  const found = holders(
    x.reader,
    { merged, ids: new Set([step.mount]), ...(dev === undefined ? {} : { dev }), tag: x.tag, own: new Set() },
    true,
  );
  const who = found.map((h) => `process ${h.pid} (${h.command}): ${h.holds}`).join("; ");
  return failure(
    5,
    "busy",
    `${step.point} is in use`,
    {
      ...(who === "" ? {} : { detail: who }),
      call: error.call,
      errno: error.errno,
      hint: "Leave or end these processes, then repeat the command: it goes on where this one stopped.",
    },
    error,
  );
}

function restack(overlay: Overlay, x: Context): void {
  if (x.held)
    throw failure(
      5,
      "busy",
      "the old overlay is still in use elsewhere; its upper is not mounted a second time",
    );
  const inner: readonly InnerMount[] = [...x.down.values()].sort(byTarget);
  x.down.clear();
  makeMountPoint(x); // a release that failed half-way took it away
  raise(overlay, inner, x);
}

function makeMountPoint(x: Context): void {
  x.files.makeDir(x.plan.observed.place.merged, { mode: 0o700, uid: x.reader.uid, gid: 0 });
}

/**
 * Copies of an unmounted overlay in other mount namespaces keep its upper in use; removing its mount point detaches them all (mount(2)
 * since 3.18). A process that still sits in one is named, and nothing of upper is touched.
 */
export function release(step: Of<"release">, x: Context): undefined {
  if (x.reader.lstat(step.path) === undefined) return;
  x.files.removeDir(step.path);
  x.former = [];
  makeMountPoint(x);
  if (x.lazy) return;
  // Gone with its last user: every process need not be asked.
  if (x.reader.hasFileSystem(step.dev) === false) return;
  const [first, ...more] = lastingHolders(x, {
    merged: x.plan.observed.place.merged,
    ids: new Set(),
    dev: step.dev,
    tag: x.tag,
    own: new Set(),
  });
  if (first === undefined) return;
  x.held = true;
  throw failure(5, "busy", `process ${first.pid} (${first.command}) still uses the unmounted overlay`, {
    detail: `${first.holds}${first.namespace === undefined ? "" : `, in mount namespace ${first.namespace}`}${more.length > 0 ? `; and ${more.length} more` : ""}`,
    hint: "Leave or end it, then repeat the command: it goes on where this one stopped.",
  });
}

/** Ends what runs in the environment, and waits for those who waited for it. Answers how many there were. @throws Failure busy */
export function stopProcesses(_step: Of<"stop_processes">, x: Context): string | undefined {
  const { observed, id } = x.plan;
  const groups = observed.cgroups
    .filter((g) => g.exists)
    .map(({ dir, version }) => ({ dir, version, controllers: [] }));
  const count = stop(x, { lineage: observed.lineage, id }, groups);
  // They hold copies of our mounts until they have seen the end of what they wait for.
  awaitGone(x, supervisors(x.reader, observed.place.state, id));
  return count === 0 ? undefined : `${count} ${count === 1 ? "process" : "processes"}`;
}
