import type { AbsPath } from "#model/brand";
import { isWithin, join } from "#model/brand";
import { KernelError } from "#model/diagnostic";
import type { Issue } from "#model/facts";
import type { Draft } from "#model/spec";
import { findUser } from "#model/user";
import type { Reader } from "#ports/reader";

type Files = Pick<Reader, "lstat" | "textIn">;

const FILES = ["/etc/passwd", "/etc/group"] as const;

/**
 * A name in entry.user that no launch could find: neither the layers nor what was written inside (`upper`) know it. Nothing is said where
 * that shows only once all is mounted: a layer still to be stored, a mount over these files, a symlink that may lead into another layer.
 */
export function unknownUser(
  reader: Files,
  { entry, volumes, tmpfs }: Pick<Draft, "entry" | "volumes" | "tmpfs">,
  layers: readonly AbsPath[],
  upper: AbsPath,
): readonly Issue[] {
  const user = entry?.user;
  if (user === undefined || /^\d{1,9}(:\d{1,9})?$/.test(user)) return [];
  const covers = (mount: { readonly target: string } | undefined): boolean =>
    mount === undefined || FILES.some((file) => isWithin(mount.target, file));
  if (volumes.some(covers) || tmpfs.some(covers)) return [];
  try {
    const roots = reader.lstat(upper) === undefined ? layers : [...layers, upper];
    if (!roots.every((root) => isPlain(reader, root))) return [];
    const [passwd, group] = FILES.map((file) => everyLine(reader, roots, file));
    const found = findUser(user, passwd, group);
    if (!("why" in found)) return [];
    const { summary, why, hint } = found;
    return [{ path: ["entry", "user"], severity: "error", code: "no_user", summary, detail: why, hint }];
  } catch (error) {
    // What may not be read now, root of a launch may.
    if (error instanceof KernelError) return [];
    throw error;
  }
}

function isPlain(reader: Files, root: AbsPath): boolean {
  const type = (path: string): string | undefined => reader.lstat(join(root, path))?.type;
  return type("") === "dir" && type("etc") !== "symlink" && FILES.every((file) => type(file) !== "symlink");
}

function everyLine(reader: Files, roots: readonly AbsPath[], file: string): string | undefined {
  const texts = roots.flatMap((root) => reader.textIn(root, file) ?? []);
  return texts.length === 0 ? undefined : texts.join("\n");
}
