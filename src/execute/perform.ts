import type { Step } from "#model/step";
import type { Context, Done } from "./context.ts";
import { createDir, createSource, deleteTree } from "./dirs.ts";
import { createGroup, removeGroup, writeLimit } from "./groups.ts";
import { forget, writeRecord } from "./records.ts";
import { anchor, bind, mountRw, stack } from "./put-up.ts";
import { release, stopProcesses, unmount } from "./take-down.ts";

/** One step, one function. Throws what the kernel or the guard said; what it did by then is undone. */
export function perform(step: Step, x: Context): Done {
  switch (step.do) {
    case "create_dir":
      return createDir(step, x);
    case "create_source":
      return createSource(step, x);
    case "write_record":
      return writeRecord(step, x);
    case "anchor":
      return anchor(step, x);
    case "mount_rw":
      return mountRw(step, x);
    case "stack":
      return stack(step, x);
    case "bind":
      return bind(step, x);
    case "unmount":
      return unmount(step, x);
    case "release":
      return release(step, x);
    case "create_cgroup":
      return createGroup(step, x);
    case "limit":
      return writeLimit(step, x);
    case "stop_processes":
      return stopProcesses(step, x);
    case "remove_cgroup":
      return removeGroup(step.cgroup, x);
    case "delete_tree":
      return deleteTree(step, x);
    case "forget":
      return forget(step, x);
  }
}
