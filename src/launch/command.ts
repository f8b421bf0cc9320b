import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { Reader } from "#ports/reader";

/** Where a command is looked up: nothing but `statIn` of a Reader is needed, and nothing leaves `root`. */
export type Lookup = {
  readonly reader: Pick<Reader, "statIn">;
  readonly root: AbsPath;
  readonly workdir: string;
  /** The entry's own PATH. */
  readonly path: string;
};

type Found = "program" | "directory" | "not_executable" | undefined;

function look({ reader, root }: Lookup, path: string): Found {
  const stat = reader.statIn(root, path);
  if (stat === undefined) return undefined;
  if (stat.type === "dir") return "directory";
  // Whether this very user may execute it is the kernel's to say; without any bit nobody may, root included (capabilities(7)).
  return stat.type === "file" && (stat.mode & 0o111) !== 0 ? "program" : "not_executable";
}

/** Left as it is written: what `..` after a symlink means is the kernel's to say. */
function inside(at: Lookup, path: string): string {
  return path.startsWith("/") ? path : `${at.workdir}/${path}`;
}

/** The first program of this name along PATH; an empty element means the working directory, as for execvp(3). */
function search(at: Lookup, name: string): { readonly path?: string; readonly refused?: string } {
  let refused: string | undefined;
  for (const dir of at.path.split(":")) {
    const path = inside(at, dir === "" ? name : `${dir}/${name}`);
    const found = look(at, path);
    if (found === "program") return { path };
    if (found !== undefined) refused ??= path;
  }
  return refused === undefined ? {} : { refused };
}

/** Where a name without a slash lies along PATH; undefined where it does not. */
export function findInPath(at: Lookup, name: string): string | undefined {
  return search(at, name).path;
}

/**
 * The path that executing `name` in the root would take: a name without a slash by PATH, a relative one from the working directory.
 * The answer for a name with a slash is the name itself. @throws Failure 127 where there is none, 126 where it cannot be executed
 */
export function findCommand(at: Lookup, name: string): string {
  const quoted = JSON.stringify(name);
  if (name === "") throw failure(127, "no_command", "the command is empty");
  if (!name.includes("/")) {
    const { path, refused } = search(at, name);
    if (path !== undefined) return path;
    if (refused !== undefined) throw notExecutable(quoted, refused, look(at, refused));
    throw failure(127, "no_command", `command not found: ${quoted}`, {
      detail: `looked in ${at.path}`,
      hint: "name it by its path inside, or set PATH in entry.env",
    });
  }
  const path = inside(at, name);
  const found = look(at, path);
  if (found === "program") return name;
  if (found !== undefined) throw notExecutable(quoted, path, found);
  throw failure(127, "no_command", `command not found: ${quoted}`, { detail: `there is no ${path} inside` });
}

function notExecutable(quoted: string, path: string, found: Found): Error {
  const why = found === "directory" ? `${path} is a directory` : `${path} is not an executable file`;
  return failure(
    126,
    "no_command",
    `cannot execute ${quoted}: ${why}`,
    found === "directory" ? {} : { hint: "chmod +x, or name its interpreter" },
  );
}
