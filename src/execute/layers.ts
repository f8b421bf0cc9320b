import type { AbsPath } from "#model/brand";
import { baseName, join, parentOf } from "#model/brand";
import { failure } from "#model/diagnostic";
import { storeOf, type Ownership, type Recipe } from "#model/resource";
import type { Step, StepEvent } from "#model/step";
import type { Files, Held } from "#ports/files";
import type { Reader } from "#ports/reader";
import { deleteTree } from "#guard/delete";
import { Interrupted, type Context } from "./context.ts";

const PRIVATE: Ownership = { mode: 0o700, uid: 0, gid: 0 };
/** A layer's root becomes merged's, so that everybody inside can enter it whatever the archive says of `./`. */
const ROOT: Ownership = { mode: 0o755, uid: 0, gid: 0 };
/** Another envctl may be unpacking the same: a large archive takes minutes. */
const PATIENCE_MS = 600_000;

type StoreLayer = Extract<Step, { do: "store_layer" }>;
type Ports = { readonly reader: Reader; readonly files: Files };

/**
 * Makes a stored layer in a directory beside its place and renames it there when it is complete: a kill leaves only that directory,
 * which `sweepLayers` takes away. It stays whatever becomes of the apply: what it holds depends on its digest alone.
 */
export function* storeLayer(step: StoreLayer, x: Context): Generator<StepEvent, string | undefined> {
  const { path, recipe } = step.layer;
  const { state } = x.plan.observed.place;
  x.files.makeDir(parentOf(path), PRIVATE);
  const total = sizeOf(recipe);
  const lock = yield* turn(step, x, total);
  try {
    if (x.reader.lstat(path) !== undefined) return "stored already";
    const beside = besideOf(path);
    deleteTree(x, state, beside);
    x.files.makeDir(beside, ROOT);
    try {
      const filling =
        recipe.kind === "archive" ? x.layers.unpack(recipe, beside) : x.layers.copy(recipe.entries, beside);
      for (const done of filling) yield { event: "step_progress", step, done, total };
      x.files.setOwnership(beside, ROOT);
      x.layers.keep(beside, path);
    } catch (error) {
      deleteTree(x, state, beside);
      throw error;
    }
    return undefined;
  } finally {
    x.files.unlockAndRemove(lockOf(path), lock);
  }
}

function sizeOf(recipe: Recipe): number {
  if (recipe.kind === "archive") return recipe.stamp.size;
  return recipe.entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.stamp.size : 0), 0);
}

/** Takes away what killed envctls left half-made: what nobody holds the lock of. */
export function sweepLayers(ports: Ports, state: AbsPath): void {
  const store = storeOf(state);
  const left = (ports.reader.listAny(store) ?? []).flatMap((name) => {
    const [, digest] = /^\.([0-9a-f]{64})\.(?:new|lock)$/.exec(name) ?? [];
    return digest === undefined ? [] : [digest];
  });
  for (const digest of new Set(left)) {
    const path = join(store, digest);
    const attempt = ports.files.lock(lockOf(path));
    if (attempt.kind === "taken") continue;
    try {
      deleteTree(ports, state, besideOf(path));
    } finally {
      ports.files.unlockAndRemove(lockOf(path), attempt.lock);
    }
  }
}

const besideOf = (path: AbsPath): AbsPath => join(parentOf(path), `.${baseName(path)}.new`);
const lockOf = (path: AbsPath): AbsPath => join(parentOf(path), `.${baseName(path)}.lock`);

/** The lock of a layer. While another envctl makes the same, signals are let in, and it shows that nothing of ours was read. @throws Failure in_use, Interrupted */
function* turn(step: StoreLayer, x: Context, total: number): Generator<StepEvent, Held> {
  const path = lockOf(step.layer.path);
  const end = x.clock.monotonic() + PATIENCE_MS;
  for (;;) {
    const attempt = x.files.lock(path);
    if (attempt.kind === "held") return attempt.lock;
    if (x.interrupted()) throw new Interrupted();
    if (x.clock.monotonic() > end) {
      const pid = attempt.holder();
      throw failure(4, "in_use", "another envctl is still making this layer", {
        ...(pid === undefined ? {} : { detail: `process ${pid}` }),
        hint: "Wait for it, then repeat the command.",
      });
    }
    x.clock.pause(50);
    yield { event: "step_progress", step, done: 0, total };
  }
}
