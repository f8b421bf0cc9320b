import type { Step, StepEvent } from "#model/step";
import type { Context, Undo, Waiting } from "./context.ts";
import { createDir, createSource, deleteTree } from "./dirs.ts";
import { createGroup, removeGroup, writeLimit } from "./groups.ts";
import { storeLayer } from "./layers.ts";
import { forget, writeRecord } from "./records.ts";
import { anchor, bind, mountRw, stack } from "./put-up.ts";
import { release, stopProcesses, unmount } from "./take-down.ts";

/** One step, one function; what takes long tells how far it is. Answers a remark for people. @throws what the kernel or the guard said */
export function* perform(
  step: Step,
  x: Context,
  undo: Undo,
): Generator<StepEvent | Waiting, string | undefined> {
  switch (step.do) {
    case "create_dir":
      return createDir(step, x, undo);
    case "create_source":
      return createSource(step, x, undo);
    case "write_record":
      return yield* writeRecord(step, x, undo);
    case "store_layer":
      return yield* storeLayer(step, x);
    case "anchor":
      return anchor(step, x, undo);
    case "mount_rw":
      return mountRw(step, x, undo);
    case "stack":
      return stack(step, x, undo);
    case "bind":
      return bind(step, x, undo);
    case "unmount":
      return unmount(step, x, undo);
    case "release":
      return release(step, x);
    case "create_cgroup":
      return createGroup(step, x, undo);
    case "limit":
      return writeLimit(step, x, undo);
    case "stop_processes":
      return stopProcesses(step, x);
    case "remove_cgroup":
      return removeGroup(step, x);
    case "delete_tree":
      return deleteTree(step, x);
    case "forget":
      return forget(step, x);
  }
}
