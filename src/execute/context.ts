import type { ReadyPlan } from "#model/plan";
import type { EnvRecord, FormerMount, OwnedCgroup, RecordedMount } from "#model/record";
import type { InnerMount, Resource } from "#model/resource";
import type { Cgroups } from "#ports/cgroups";
import type { Clock } from "#ports/clock";
import type { Files } from "#ports/files";
import type { Layers } from "#ports/layers";
import type { Mounts } from "#ports/mounts";
import type { Reader } from "#ports/reader";

/** Everything that changes the host, and the window on it. */
export type World = {
  readonly reader: Reader;
  readonly mounts: Mounts;
  readonly files: Files;
  readonly layers: Layers;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
};

/** What a record says besides what the steps find out. */
export type RecordBase = Pick<EnvRecord, "version" | "file" | "text" | "variables" | "salt" | "spec"> & {
  readonly pid?: number;
};

/** One execution: the plan, the record it grows, and where the record is kept. */
export type Context = World & {
  readonly plan: ReadyPlan;
  /** Absent where steps write no record. */
  readonly base?: RecordBase;
  readonly tag: string;
  /** The resources and groups the plan leads to; what stood before. */
  readonly after: readonly Resource[];
  readonly groups: readonly OwnedCgroup[];
  readonly before: readonly Resource[];
  /** Writes the record: temp, fsync, rename, fsync. A promise: the step is done when it is kept. */
  save(record: EnvRecord): Promise<void> | undefined;
  /** Takes record and directory away. */
  forget(): void;
  /** Identities of what is mounted now, by address. */
  readonly mounted: Map<string, RecordedMount>;
  /** Inner mounts that left while their overlay stayed, by this execution and earlier ones. */
  former: readonly FormerMount[];
  /** Inner mounts taken down so far, for putting the whole stack back at once. */
  readonly down: Map<string, InnerMount>;
  /** An old overlay that a process elsewhere still holds: its upper must not be mounted again. */
  held: boolean;
  /** MNT_DETACH was asked for. */
  readonly lazy: boolean;
  /** Asked between steps, and while one waits for its turn; true ends the execution as a failure would. */
  readonly interrupted: () => boolean;
  serial: number;
  /** Whether the record says that a destroy is under way; false: the disk was full. */
  noted?: boolean;
};

/** A signal came while a step waited for its turn, and had done nothing yet. */
export class Interrupted extends Error {}

/** How one call is undone; a promise where that waits for the disk. */
export type How = () => Promise<void> | undefined | void;
/** Takes down how one call of a step is undone, right after the call: a step that fails half-way is undone that far. */
export type Undo = (how: How) => void;

/** What the executor cannot go on before; other executions can meanwhile. */
export type Waiting = { readonly event: "waiting"; readonly until: Promise<void> };

/** Stops the executor until something is done, where it is not done already. */
export function* settled(until: Promise<void> | undefined | void): Generator<Waiting, void> {
  if (until !== undefined) yield { event: "waiting", until };
}
