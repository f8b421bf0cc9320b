import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { MountEntry } from "#model/observed";
import { shell } from "#model/shell";
import type { Mounts } from "#ports/mounts";
import type { Reader } from "#ports/reader";
import type { Claim } from "./claim.ts";
import { prove } from "./prove.ts";
import type { Table } from "./table.ts";
import { mountsWithin, readTable } from "./table.ts";

export type UnmountOptions = {
  /** The mount id the plan saw there; another one now is a stale plan. */
  readonly expected?: string;
  /** MNT_DETACH: only where the user asked for it (--force-lazy). */
  readonly lazy?: boolean;
};

/**
 * The only unmount. Takes the topmost mount at a point away after proving that it is ours; false where nothing is mounted there. A mount
 * that is not ours anywhere below it stops it. What a recursive volume brought along goes with the volume.
 * @throws Failure foreign_mount, stale_plan
 * @throws KernelError EBUSY where something in it is in use
 */
export function unmount(
  ports: { readonly reader: Reader; readonly mounts: Mounts },
  claim: Claim,
  point: AbsPath,
  options: UnmountOptions = {},
): boolean {
  const { reader, mounts } = ports;
  if (!isWithin(claim.place.dir, point)) {
    throw failure(1, "refused", `${point} is not envctl's to unmount`, {
      detail: `this environment's mounts lie below ${claim.place.dir}`,
    });
  }
  const table = readTable(reader, [claim.place.dir]);
  const mount = topmost(reader, table, point);
  if (mount === undefined) return false;
  const { expected, lazy = false } = options;
  if (expected !== undefined && expected !== mount.id) {
    throw failure(6, "stale_plan", `${point} holds mount ${mount.id} now, not ${expected} as planned`, {
      hint: "repeat the command",
    });
  }
  const address = addressOf(reader, table, claim, mount);
  const below = mountsWithin(table, point).filter((m) => m !== mount && hangsBelow(table, m, mount));
  const brought = below.filter((m) => addressOf(reader, table, claim, m) === address);
  // Without MNT_DETACH the kernel answers EBUSY while others of ours are below.
  if (!lazy) for (const m of brought.reverse()) mounts.unmount(m.point as AbsPath, false);
  mounts.unmount(point, lazy);
  return true;
}

/** What of the environment a mount is. @throws Failure foreign_mount */
function addressOf(reader: Reader, table: Table, claim: Claim, mount: MountEntry): string {
  const verdict = prove(reader, table, claim, mount);
  if (verdict.ours) return verdict.address;
  throw failure(5, "foreign_mount", `${mount.point} is not ours to unmount`, {
    detail: verdict.why,
    hint: shell(["umount", mount.point]),
  });
}

/** The mount a path leads to. Where mounts are there and the path leads to another, they are hidden, and unmounting would hit the other. */
function topmost(reader: Reader, table: Table, point: AbsPath): MountEntry | undefined {
  const here = table.mounts.filter((m) => m.point === point);
  if (here.length === 0) return undefined;
  const id = reader.mountId(point);
  const mount = id === undefined ? here.at(-1) : here.find((m) => m.id === id);
  if (mount !== undefined) return mount;
  throw failure(5, "foreign_mount", `${point} is hidden by another mount`, {
    detail: `mount ${here.at(-1)!.id} is there, and the path leads to mount ${id}`,
    hint: `see what lies over it: findmnt --target ${point}`,
  });
}

function hangsBelow(table: Table, mount: MountEntry, top: MountEntry): boolean {
  for (let m: MountEntry | undefined = mount; m !== undefined && isWithin(top.point, m.point);) {
    if (m.id === top.id) return true;
    const up: string = m.parent;
    m = table.mounts.find((other) => other.id === up);
  }
  return false;
}
