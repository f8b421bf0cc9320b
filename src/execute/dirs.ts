import type { AbsPath } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Ownership } from "#model/resource";
import type { Step } from "#model/step";
import { deleteTree as guardedDelete } from "#guard/delete";
import type { Context, Done } from "./context.ts";

type Of<Do extends Step["do"]> = Extract<Step, { do: Do }>;

export function createDir(step: Of<"create_dir">, x: Context): Done {
  const made = x.files.makeDir(step.path, step.owner);
  return made ? { undo: () => deletePath(x, step.path) } : {};
}

/** The only thing outside STATE that a rollback may take away: a directory made by this very apply, while it is empty. */
export function createSource(step: Of<"create_source">, x: Context): Done {
  const made = step.dirs.filter((dir) => x.files.makeDir(dir, step.owner));
  const undo = (): void => {
    for (const dir of made.reverse()) removeEmpty(x, dir);
  };
  return made.length === 0 ? {} : { undo };
}

function removeEmpty(x: Context, dir: AbsPath): void {
  try {
    x.files.removeDir(dir);
  } catch (error) {
    if (!(error instanceof KernelError && ["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.errno))) throw error;
  }
}

export function deleteTree(step: Of<"delete_tree">, x: Context): Done {
  deletePath(x, step.path);
  return {};
}

/** A directory of ours with nothing in it, whatever was there. */
export function emptyDir(x: Context, path: AbsPath, owner: Ownership): void {
  if ((x.reader.listAny(path) ?? []).length > 0) deletePath(x, path);
  x.files.makeDir(path, owner);
}

function deletePath(x: Context, path: AbsPath): void {
  if (x.reader.lstat(path) !== undefined) guardedDelete(x, x.plan.observed.place.state, path);
}
