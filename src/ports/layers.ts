import type { AbsPath } from "#model/brand";
import type { HostEntry, Recipe } from "#model/resource";

/** How many bytes of a layer's source were read, between two pieces of the work; the work goes on when the next is asked for. */
export type Filling = Generator<number, void>;

/** Fills and keeps stored layers. Directories are named by real paths in the state directory, which only its owner can change. */
export type Layers = {
  /**
   * Unpacks an archive into an empty directory; whoever asks for the next piece lets the event loop turn before. Whatever the archive holds, nothing outside `into` can be written. @throws Failure
   * stale_plan where the file is not the one the recipe names (any more), refused with tar's own words
   */
  unpack(recipe: Extract<Recipe, { kind: "archive" }>, into: AbsPath): Filling;
  /** Copies files of the host to the same paths below `into`. @throws Failure stale_plan, KernelError */
  copy(entries: readonly HostEntry[], into: AbsPath): Filling;
  /** Waits until everything written is on the disk (syncfs(2)), then renames. @throws KernelError */
  keep(from: AbsPath, to: AbsPath): void;
};
