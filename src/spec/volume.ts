import type { Access, Volume, VolumeOption } from "#model/spec";
import { claim, hostPath, innerPath, path, target } from "./path.ts";
import { boolean, choice, Complaint } from "./scalar.ts";
import { readText, type Text } from "./text.ts";
import { may, need, object } from "./object.ts";
import { convert, either, fail, list, type At, type Shape } from "./shape.ts";
import type { Node } from "./tree.ts";

const SHORT = "write host:container[:ro|rw], such as ../src:/work:ro";
const LONG = "write ro or rw; a path with a colon needs { source: …, target: … }";
const OPTIONS = ["nosuid", "nodev", "noexec", "suid", "dev", "exec"] as const;

/** Flags and their opposites, with which of the two holds when neither is written. */
const FLAGS: readonly (readonly [flag: VolumeOption, opposite: VolumeOption, holds: boolean])[] = [
  ["nosuid", "suid", true],
  ["nodev", "dev", true],
  ["noexec", "exec", false],
];

/** `host:container[:ro|rw]`; the parts may come from substitutions, and are taken apart afterwards. */
const short: Shape<Volume> = {
  schema: { type: "string", pattern: "^[^:]+:[^:]+(:(ro|rw))?$|\\$\\{" },
  read(node, at) {
    const text = readText(node, at, "a volume", SHORT);
    if (text === undefined) return undefined;
    const [source = "", inner = "", access = "rw", ...more] = text.text.split(":");
    if (source === "" || inner === "" || access === "")
      return fail(at, text.range, "bad_value", "not a volume", SHORT);
    if (more.length > 0 || !isAccess(access)) {
      const start = source.length + inner.length + 2;
      return fail(at, text.part(start, text.text.length - start), "bad_value", "not ro or rw", LONG);
    }
    const host = piece(hostPath(source), text, 0, source.length, at, "source", "not a path");
    const place = piece(
      innerPath(inner),
      text,
      source.length + 1,
      inner.length,
      at,
      "target",
      "not an absolute path",
    );
    if (host === undefined || place === undefined) return undefined;
    if (claim(place, text.part(source.length + 1, inner.length), at) === undefined) return undefined;
    return { source: host, target: place, access, recursive: false, options: effective([]) };
  },
};

const isAccess = (text: string): text is Access => text === "ro" || text === "rw";

/** One part of the short form: its place is remembered under the key that the long form has for it. */
function piece(
  value: string | Complaint | undefined,
  text: Text,
  start: number,
  length: number,
  at: At,
  key: string,
  otherwise: string,
): string | undefined {
  const range = text.part(start, length);
  at.job.mark([...at.path, key], range);
  if (value === undefined) return fail(at, range, "bad_value", otherwise, SHORT);
  return value instanceof Complaint ? fail(at, range, value.code, value.summary, value.detail) : value;
}

const options = convert(list(choice(OPTIONS), "[nosuid, nodev]"), (given, node, at) => {
  const clash = FLAGS.find(([flag, opposite]) => given.includes(flag) && given.includes(opposite));
  if (clash === undefined) return given;
  return fail(
    at,
    node.range,
    "conflict",
    `${clash[0]} and ${clash[1]} exclude each other`,
    "keep one of them",
  );
});

/** Said in full, so that nobody later has to know the defaults: setuid programs and device files of the host do not work inside. */
function effective(given: readonly VolumeOption[]): readonly VolumeOption[] {
  return FLAGS.flatMap(([flag, opposite, holds]) =>
    given.includes(opposite) ? [opposite] : holds || given.includes(flag) ? [flag] : [],
  );
}

const KEYS = {
  source: need(path, "Path on the host, relative to this file; a missing rw directory is created", "../src"),
  target: need(target, "Absolute path inside", "/work"),
  access: may(choice(["ro", "rw"]), "Default: rw"),
  recursive: may(boolean, "Take along what is mounted below the source; default: false"),
  options: may(options, "Mount flags; nosuid and nodev hold unless suid or dev is written"),
  owner: may(choice(["caller"]), "Show the files inside as owned by whoever runs envctl (id-mapped)"),
};

const long = convert(
  object("a volume", KEYS),
  ({ access = "rw", recursive = false, options: given = [], ...rest }): Volume => ({
    ...rest,
    access,
    recursive,
    options: effective(given),
  }),
);

const volume = either(short, long);

/** To YAML `- a:` and `- ../src: /work` are mappings, yet what was meant is the short form. */
function isMeantShort(node: Node): boolean {
  if (node.kind === "list") return true;
  return (
    node.kind === "mapping" &&
    node.pairs.size > 0 &&
    ![...node.pairs.keys()].some((key) => Object.hasOwn(KEYS, key))
  );
}

export const volumes: Shape<readonly Volume[]> = list(
  {
    schema: volume.schema,
    read: (node, at) =>
      isMeantShort(node) ? fail(at, node.range, "bad_value", "not a volume", SHORT) : volume.read(node, at),
  },
  "- ../src:/work:ro",
);
