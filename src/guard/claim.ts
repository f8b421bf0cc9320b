import type { AbsPath } from "#model/brand";
import { mountTag, placeOf } from "#model/identity";
import type { Place } from "#model/observed";
import type { EnvRecord, FormerMount, RecordedMount } from "#model/record";
import type { Resource } from "#model/resource";

/** What an environment says is its own. */
export type Claim = {
  readonly place: Place;
  /** `envctl:LINEAGE:ID`. */
  readonly tag: string;
  readonly mounts: Readonly<Record<string, RecordedMount>>;
  /** What left while the overlay stayed: only told from foreign mounts where other namespaces still show it. */
  readonly former?: readonly FormerMount[];
  readonly resources: readonly Resource[];
  /** The last change did not finish: mounts may stand that no identity was written for yet, then what was declared counts. */
  readonly interrupted: boolean;
};

/** What a record claims. */
export function claimOf(record: EnvRecord, state: AbsPath): Claim {
  return {
    place: placeOf(state, record.id),
    tag: mountTag(record.lineage, record.id),
    mounts: record.mounts,
    former: record.former ?? [],
    resources: [...record.resources, ...(record.previous ?? [])],
    interrupted: record.phase === "applying" || record.phase === "destroying",
  };
}
