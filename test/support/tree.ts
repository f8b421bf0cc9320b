// Everything under a directory, a line each, so that two trees can be compared and a difference reads as one.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";

const TYPES: readonly (readonly [string, (stat: Stats) => boolean])[] = [
  ["dir", (s) => s.isDirectory()],
  ["file", (s) => s.isFile()],
  ["link", (s) => s.isSymbolicLink()],
  ["char", (s) => s.isCharacterDevice()],
  ["block", (s) => s.isBlockDevice()],
  ["fifo", (s) => s.isFIFO()],
  ["socket", (s) => s.isSocket()],
];

function about(path: Buffer, stat: Stats, times: boolean): string {
  const [type = "?"] = TYPES.find(([, is]) => is(stat)) ?? [];
  const words = [type, (stat.mode & 0o7777).toString(8), `${stat.uid}:${stat.gid}`];
  if (type === "file") words.push(createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16));
  if (type === "link") words.push(readlinkSync(path));
  if (type === "char" || type === "block") words.push(`${stat.rdev >> 8}:${stat.rdev & 0xff}`);
  if (times) words.push(`mtime ${stat.mtimeMs}`);
  return words.join(" ");
}

export type TreeOptions = {
  /** Modification times count, too: for what nobody may have written. */
  readonly times?: boolean;
  /** The directory itself, as `.`. */
  readonly root?: boolean;
};

/**
 * Paths below `dir`, sorted, each with type, mode, owner and content. Names are bytes, shown as Latin-1. Nothing is followed, and
 * directories of other file systems are walked like any other.
 */
export function tree(
  dir: string,
  { times = false, root = false }: TreeOptions = {},
): Readonly<Record<string, string>> {
  const found: [string, string][] = root ? [[".", about(Buffer.from(dir), lstatSync(dir), times)]] : [];
  const walk = (at: Buffer, below: string): void => {
    for (const name of readdirSync(at, { encoding: "buffer" })) {
      const path = Buffer.concat([at, Buffer.from("/"), name]);
      const stat = lstatSync(path);
      const shown = `${below}${name.toString("latin1")}`;
      found.push([shown, about(path, stat, times)]);
      if (stat.isDirectory()) walk(path, `${shown}/`);
    }
  };
  walk(Buffer.from(dir), "");
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The paths alone. */
export function paths(dir: string): readonly string[] {
  return Object.keys(tree(dir));
}
