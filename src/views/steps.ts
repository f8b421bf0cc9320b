import { shownName } from "#model/identity";
import { isWithin } from "#model/brand";
import type { Plan } from "#model/plan";
import type { InnerMount, Overlay } from "#model/resource";
import { formatBytes } from "#model/size";
import type { Step } from "#model/step";
import { count } from "./text.ts";
import { digestText, limitText, modeText, sourceText, upperHolds } from "./values.ts";

/** A step as people read it: the verb, what it is done to, a remark. */
export type Line = { readonly verb: string; readonly object: string; readonly note: string };

/** Whether somebody without -v wants to read about a step. */
export function seen(step: Step, plan: Plan): boolean {
  switch (step.do) {
    case "create_source":
    case "store_layer":
    case "stack":
    case "bind":
    case "limit":
    case "remove_cgroup":
      return true;
    case "unmount":
      return isWithin(plan.observed.place.merged, step.point);
    case "write_record":
      return step.phase === "applied" && changesEntry(plan);
    case "create_cgroup":
      return plan.actions.some((a) => a.kind === "cgroup");
    case "stop_processes":
      return plan.observed.cgroups.some((group) => group.populated);
    case "delete_tree":
      return step.path === plan.observed.place.rw;
    default:
      return false;
  }
}

const changesEntry = (plan: Plan): boolean => plan.actions.some((a) => a.kind === "entry");

/** Most steps are one line; a stack is mounted at once, and reads as the mounts it consists of. */
export function linesOf(step: Step, plan: Plan): readonly Line[] {
  const { place } = plan.observed;
  switch (step.do) {
    case "create_dir":
      return [{ verb: "mkdir", object: below(step.path, place.dir), note: modeText(step.owner.mode) }];
    case "create_source":
      return [
        {
          verb: "create",
          object: sourceOf(step.address, plan) ?? step.dirs.at(-1) ?? "",
          note: `${modeText(step.owner.mode)}, owner ${step.owner.uid}:${step.owner.gid}`,
        },
      ];
    case "write_record":
      return step.phase === "applied" && changesEntry(plan)
        ? [{ verb: "record", object: "entry", note: "" }]
        : [{ verb: "record", object: step.phase, note: "" }];
    case "store_layer": {
      const { digest, recipe } = step.layer;
      const source = sourceText(step.layer);
      return recipe.kind === "archive"
        ? [{ verb: "unpack", object: source, note: digestText(digest) }]
        : [
            {
              verb: "copy",
              object: source,
              note: `with all they need: ${count(recipe.entries.length, "path")}`,
            },
          ];
    }
    case "anchor":
      return [{ verb: "anchor", object: "directory", note: "" }];
    case "mount_rw":
      return [{ verb: "tmpfs", object: "upper", note: formatBytes(step.bytes) }];
    case "stack":
      return [
        { verb: "mount", object: "overlay", note: stackNote(step.overlay, plan) },
        ...step.inner.map(innerLine),
      ];
    case "bind":
      return [innerLine(step.mount)];
    case "unmount":
      return [{ verb: "unmount", object: pointText(step.point, plan), note: "" }];
    case "release":
      return [{ verb: "release", object: "overlay", note: "" }];
    case "create_cgroup":
      return [{ verb: "create", object: "cgroup", note: step.cgroup.controllers.join(", ") }];
    case "limit":
      return [
        {
          verb: "limit",
          object: step.name,
          note: step.value === "none" ? "removed" : limitText(step.name, step.value),
        },
      ];
    case "stop_processes":
      return [{ verb: "stop", object: "processes", note: "of its own cgroup" }];
    case "remove_cgroup":
      return [{ verb: "remove", object: "cgroup", note: step.cgroup.controllers.join(", ") }];
    case "delete_tree":
      return [
        {
          verb: "delete",
          object: step.path === place.rw ? "upper" : below(step.path, place.dir),
          note: step.path === place.rw ? upperHolds(plan.observed) : "",
        },
      ];
    case "forget":
      return [{ verb: "remove", object: "record", note: "" }];
  }
}

/** The sentence for a step that was refused: `web-tests: cannot mount overlay`. */
export function attemptText(step: Step, plan: Plan): string {
  const [{ verb, object }] = linesOf(step, plan) as readonly [Line];
  const words: Readonly<Record<string, string>> = {
    tmpfs: "mount a tmpfs for",
    limit: "set limit",
    record: "write record",
    mkdir: "create",
  };
  return `${shownName(plan)}: cannot ${words[verb] ?? verb} ${object}`;
}

/** A volume's source as the file wrote it. */
function sourceOf(address: string, plan: Plan): string | undefined {
  const action = plan.actions.find((a) => a.address === address);
  return action !== undefined && action.op !== "delete" && action.after.kind === "volume"
    ? action.after.source
    : undefined;
}

function stackNote(overlay: Overlay, plan: Plan): string {
  const { upperUsed, upperUse } = plan.observed;
  const action = plan.actions.find((a) => a.kind === "overlay");
  const before = action?.op === "replace" ? (action.before as Overlay).upper.kind : undefined;
  const { kind } = overlay.upper;
  const used = upperUsed || upperUse !== undefined;
  const kept = before === undefined ? used : before === kind;
  const fresh = kind === "tmpfs" ? "new upper on tmpfs" : "new upper";
  return `${count(overlay.lowers.length, "layer")}, ${kind === "none" ? "read-only" : kept ? "upper kept" : fresh}`;
}

function innerLine(mount: InnerMount): Line {
  if (mount.kind === "tmpfs") {
    return {
      verb: "tmpfs",
      object: mount.target,
      note: mount.bytes === undefined ? "half the memory" : formatBytes(mount.bytes),
    };
  }
  return { verb: "bind", object: mount.target, note: `${mount.access}   from ${mount.source}` };
}

function pointText(point: string, plan: Plan): string {
  const { merged, rw, dir } = plan.observed.place;
  if (point === merged) return "overlay";
  if (point === rw) return "tmpfs of upper";
  return isWithin(merged, point) ? point.slice(merged.length) : below(point, dir);
}

const below = (path: string, dir: string): string =>
  path === dir ? path : isWithin(dir, path) ? path.slice(dir.length + 1) : path;
