import type { AbsPath } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import type { Ownership } from "#model/resource";
import type { Step } from "#model/step";
import { deleteTree as guardedDelete } from "#guard/delete";
import type { Context, Undo } from "./context.ts";

type Of<Do extends Step["do"]> = Extract<Step, { do: Do }>;

/** A directory of the environment's own. Undone by deleting it, where it was not there before. @throws KernelError */
export function createDir(step: Of<"create_dir">, x: Context, undo: Undo): undefined {
  if (x.files.makeDir(step.path, step.owner)) undo(() => deletePath(x, step.path));
}

/** The only thing outside STATE that a rollback may take away: a directory made by this very apply, while it is empty. */
export function createSource(step: Of<"create_source">, x: Context, undo: Undo): undefined {
  for (const dir of step.dirs) if (x.files.makeDir(dir, step.owner)) undo(() => removeEmpty(x, dir));
}

function removeEmpty(x: Context, dir: AbsPath): void {
  try {
    x.files.removeDir(dir);
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.errno)))
      throw error;
  }
}

/** What lies in a directory of ours goes with it; the mount point has to be empty. @throws Failure refused, foreign_mount */
export function deleteTree(step: Of<"delete_tree">, x: Context): undefined {
  const { merged } = x.plan.observed.place;
  if (step.path === merged) refuseFilled(merged, x.reader.listAny(merged) ?? []);
  deletePath(x, step.path);
}

/** The mount point itself is never written to: what lies in it came while nothing was mounted there, and is somebody's. @throws Failure refused */
function refuseFilled(merged: AbsPath, names: readonly string[]): void {
  if (names.length === 0) return;
  throw failure(1, "refused", `${merged} is not empty`, {
    detail: `${names.slice(0, 3).join(", ")}: written while the overlay was not mounted, and not by envctl`,
    hint: "Move it elsewhere, then repeat the command.",
  });
}

/**
 * A directory of ours with nothing in it, whatever was there. It stays the same directory: with index=on an upper remembers the topmost
 * layer it was mounted over, and that is init ("failed to verify upper root origin").
 */
export function emptyDir(x: Context, path: AbsPath, owner: Ownership): void {
  if ((x.reader.listAny(path) ?? []).length > 0) guardedDelete(x, x.plan.observed.place.state, path, "stays");
  if (!x.files.makeDir(path, owner)) x.files.setOwnership(path, owner);
}

/** What is there goes, through the guard. */
export function deletePath(x: Context, path: AbsPath): void {
  if (x.reader.lstat(path) !== undefined) guardedDelete(x, x.plan.observed.place.state, path);
}
