import type { AbsPath } from "#model/brand";
import { isWithin, join, parentOf } from "#model/brand";
import { CALLED } from "#model/file-type";
import { failure, KernelError } from "#model/diagnostic";
import { isEnvId } from "#model/identity";
import { shell } from "#model/shell";
import type { Files } from "#ports/files";
import type { Reader } from "#ports/reader";
import { mountsWithin, readTable } from "./table.ts";
import { empty } from "./walk.ts";

/**
 * The only delete: a directory below STATE/envs/ID, STATE/layers or STATE/locks, with everything in it. `state` is a real path. Refused
 * while any mount lies at or below it, by the table read right before. What is walked is a detached view in which no mount can be
 * entered: rmdir(2) of a directory that became a mount point meanwhile says EBUSY, and what is mounted there stays whole.
 * A path that does not exist is fine. With `stays` the directory itself remains, empty. @throws Failure refused, foreign_mount
 */
export function deleteTree(
  ports: { readonly reader: Reader; readonly files: Files },
  state: AbsPath,
  path: AbsPath,
  root: "too" | "stays" = "too",
): void {
  const { reader, files } = ports;
  refuseOutside(state, path);
  const stat = reader.lstat(path);
  if (stat === undefined) return;
  const parent = parentOf(path);
  if (stat.type !== "dir" || reader.realpath(parent) !== parent) {
    throw failure(1, "refused", `${path} is not deleted`, {
      detail:
        stat.type === "dir"
          ? `a part of ${parent} is a symlink`
          : `it is ${CALLED[stat.type]}, and envctl made a directory`,
      hint: "look at it, and take it away by hand if it is not wanted",
    });
  }
  refuseMounted(reader, path);
  try {
    const view = files.walk.view(path);
    empty(files.walk, view);
    if (root === "too") files.removeDir(path);
  } catch (error) {
    throw explain(error, path);
  }
}

function refuseOutside(state: AbsPath, path: AbsPath): void {
  const [area, name] = isWithin(state, path)
    ? path.slice(state === "/" ? 1 : state.length + 1).split("/")
    : [];
  const ours =
    area === "envs" ? isEnvId(name ?? "") : (area === "layers" || area === "locks") && name !== undefined;
  if (!ours || join(path) !== path) {
    throw failure(1, "refused", `${path} is not envctl's to delete`, {
      detail: `only what lies below ${state}/envs/ID, ${state}/layers and ${state}/locks is`,
    });
  }
}

function refuseMounted(reader: Reader, path: AbsPath): void {
  const [mount, ...more] = mountsWithin(readTable(reader, [path]), path);
  if (mount === undefined) return;
  throw failure(5, "foreign_mount", `${path} is not deleted: ${mount.point} is a mount`, {
    detail: `${mount.type} mount ${mount.id} from ${mount.source}${more.length > 0 ? ` and ${more.length} more` : ""}`,
    hint: shell(["umount", mount.point]),
  });
}

/** EXDEV and EBUSY mean a mount that was not there before. */
function explain(error: unknown, path: AbsPath): unknown {
  if (!(error instanceof KernelError)) return error;
  const { call, errno, hint } = error;
  if (errno === "EXDEV" || errno === "EBUSY") {
    return failure(
      5,
      "foreign_mount",
      `something was mounted below ${path} while it was being deleted; stopped there`,
      {
        detail: "nothing behind the mount was touched",
        call,
        errno,
        hint: `grep ' ${path}' /proc/self/mountinfo`,
      },
      error,
    );
  }
  return failure(
    1,
    "kernel",
    `cannot delete ${path}`,
    { call, errno, ...(hint === undefined ? {} : { hint }) },
    error,
  );
}
