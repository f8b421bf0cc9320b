import { Complaint, scalar, STRING } from "./scalar.ts";
import { convert, fail, type At, type Shape } from "./shape.ts";
import type { Range } from "./lines.ts";

/** A path on the host, as written: relative paths are relative to the file. */
export function hostPath(text: string): string | Complaint | undefined {
  if (text === "") return undefined;
  // A directory really named "~" would be made where a home was meant.
  if (text === "~" || text.startsWith("~/"))
    return new Complaint("~ is not expanded", `write \${HOME}${text.slice(1)}`);
  return text;
}

/** An absolute path inside, without `.`, doubled or trailing slashes. `..` is refused: through a symlink it means what nobody foresaw. */
export function innerPath(text: string): string | Complaint | undefined {
  if (!text.startsWith("/")) return undefined;
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return new Complaint('a path with ".."', "write where it leads");
  if (parts.some((part) => bytes(part) > NAME_MAX))
    return new Complaint("a name too long", `${NAME_MAX} bytes at most between two slashes`);
  const path = `/${parts.join("/")}`;
  return bytes(path) > MOST ? new Complaint("too long a path", `${MOST} bytes at most`) : path;
}

const NAME_MAX = 255;
/** The kernel takes 4095 bytes, and before them stands the way to the environment: what is mounted any deeper could not be unmounted. */
const MOST = 3072;

const bytes = (text: string): number => new TextEncoder().encode(text).length;

const WRITE_HOST = "a path, relative to this file or absolute";
const WRITE_INNER = "an absolute path inside: /work";

/** A path on the host, as written; relative ones begin at the file. */
export const path: Shape<string> = scalar({
  what: "a path",
  write: WRITE_HOST,
  schema: STRING,
  parse: hostPath,
});
/** An absolute path inside, normalised; `..` is refused. */
export const insidePath: Shape<string> = scalar({
  what: "an absolute path",
  write: WRITE_INNER,
  schema: STRING,
  parse: innerPath,
});

/** Where something is mounted inside: never the root, and each place once in a file. */
export const target: Shape<string> = convert(insidePath, (value, node, at) => claim(value, node.range, at));

/** Mounted anew for every run, over whatever lies there. */
const OF_A_RUN = ["/proc", "/sys", "/dev"];

/** A mount point that nothing else in the file may have. */
export function claim(value: string, range: Range, at: At): string | undefined {
  if (value === "/")
    return fail(at, range, "bad_value", "not a place for a mount", "the root is the overlay itself");
  const hidden = OF_A_RUN.find((dir) => value === dir || value.startsWith(`${dir}/`));
  if (hidden !== undefined)
    return fail(
      at,
      range,
      "bad_value",
      "not a place for a mount",
      `every run has a ${hidden} of its own, which would hide it`,
    );
  const { targets, lineOf } = at.job;
  const first = targets.get(value);
  if (first !== undefined)
    return fail(at, range, "conflict", `a second mount at ${value}`, `the first is in line ${lineOf(first)}`);
  targets.set(value, range);
  return value;
}
