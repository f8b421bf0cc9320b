import type { MountEntry } from "./observed.ts";

/**
 * Reads /proc/PID/mountinfo (proc_pid_mountinfo(5)). With `about`, only lines that contain one of these raw texts are looked at, so that
 * ten thousand foreign mounts cost a search and no parsing. A line that is none is a bug here and never skipped: a mount unseen is
 * a mount deleted through. @throws Error
 */
export function parseMountinfo(text: string, about?: readonly string[]): readonly MountEntry[] {
  const lines = about === undefined ? text.split("\n") : linesAbout(text, about);
  return lines.filter((line) => line !== "").map(parseLine);
}

/** The line of one mount id; undefined where there is none. */
export function mountById(text: string, id: string): MountEntry | undefined {
  return parseMountinfo(`\n${text}`, [`\n${id} `])[0];
}

/** A path as mountinfo prints it: `seq_path_root(m, …, " \t\n\\")` in fs/proc_namespace.c. */
export function escapePath(path: string): string {
  return path.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function unescape(text: string): string {
  return text.includes("\\")
    ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;
}

function linesAbout(text: string, about: readonly string[]): readonly string[] {
  const starts = new Set<number>();
  for (const needle of about) {
    for (let at = text.indexOf(needle); at >= 0;) {
      // A needle may begin with the newline before its line.
      const inside = needle.startsWith("\n") ? at + 1 : at;
      starts.add(text.lastIndexOf("\n", inside - 1) + 1);
      const end = text.indexOf("\n", inside);
      at = end < 0 ? -1 : text.indexOf(needle, needle.startsWith("\n") ? end : end + 1);
    }
  }
  return [...starts].sort((a, b) => a - b).map((start) => text.slice(start, endOf(text, start)));
}

function endOf(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
}

/** `id parent dev root point options optional… - type source superoptions`; spaces within a field are escaped. */
function parseLine(line: string): MountEntry {
  const words = line.split(" ");
  const dash = words.indexOf("-", 6);
  const [id, parent, dev, root, point, options] = words;
  const [type, source] = words.slice(dash + 1);
  if (dash < 0 || options === undefined || source === undefined)
    throw new Error(`no line of mountinfo: ${JSON.stringify(line)}`);
  return {
    id: id!,
    parent: parent!,
    dev: dev!,
    root: unescape(root!),
    point: unescape(point!),
    options: options.split(","),
    propagation: words.slice(6, dash),
    type: unescape(type!),
    source: unescape(source),
    // A comma that belongs to a value is escaped (seq_show_option, fs.h); some file systems print spaces as they are.
    superOptions: words
      .slice(dash + 3)
      .join(" ")
      .split(",")
      .map(unescape),
  };
}

/** The directories an overlay was mounted with; undefined where the kernel shows descriptors (`lowerdir=22:23`) or nothing. */
export type OverlayPaths = {
  readonly lowers?: readonly string[];
  readonly upper?: string;
  readonly work?: string;
};

/** From superblock options: one `lowerdir+=` a layer (new mount API), or one `lowerdir=` with `:` between and `\` before `:` and `\`. */
export function overlayPaths(superOptions: readonly string[]): OverlayPaths {
  const values = (key: string): readonly string[] =>
    superOptions.filter((o) => o.startsWith(`${key}=`)).map((o) => o.slice(key.length + 1));
  const each = values("lowerdir+");
  const [joined] = values("lowerdir");
  const lowers = each.length > 0 ? each : joined === undefined ? [] : splitLowers(joined);
  const [upper] = values("upperdir");
  const [work] = values("workdir");
  return {
    ...(lowers.length > 0 && lowers.every(isPath) ? { lowers } : {}),
    ...(upper !== undefined && isPath(upper) ? { upper } : {}),
    ...(work !== undefined && isPath(work) ? { work } : {}),
  };
}

/** A number, or a path below /proc/self/fd, named a descriptor of whoever mounted it. */
function isPath(text: string): boolean {
  return text.startsWith("/") && !/^\/proc\/(self|thread-self|\d+)\//.test(text);
}

function splitLowers(text: string): readonly string[] {
  const parts = text.match(/(?:\\.|[^\\:])+/gs) ?? [];
  return parts.map((part) => part.replace(/\\(.)/gs, "$1"));
}
