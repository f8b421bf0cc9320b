import type { AbsPath } from "#model/brand";
import type { Layer } from "#model/resource";

/**
 * Where relative paths begin, where layers are stored, where what is written inside would lie, the layers an earlier apply recorded, whose digests need not be found again, and
 * who `owner: caller` means.
 */
export type Ground = {
  readonly base: AbsPath;
  readonly state: AbsPath;
  readonly upper: AbsPath;
  readonly known: readonly Layer[];
  readonly caller: () => { readonly uid: number; readonly gid: number };
};
