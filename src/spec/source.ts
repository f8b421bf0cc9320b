import type { Source } from "#model/spec";
import { hostPath, innerPath, path } from "./path.ts";
import { boolean, scalar, STRING } from "./scalar.ts";
import { may, need, object } from "./object.ts";
import { convert, either, fail, list, type Shape } from "./shape.ts";

/** A word without blanks that no tool takes for an option. */
const word = (what: string, write: string, pattern = /^[^\s-]\S*$/): Shape<string> =>
  scalar({ what, write, schema: STRING, parse: (text) => (pattern.test(text) ? text : undefined) });

const program = scalar({
  what: "a host program",
  write: "an absolute path: /bin/ls",
  schema: STRING,
  parse: (text) => (text === "/" ? undefined : innerPath(text)),
});

const programs = list(program, "[/bin/bash, /bin/ls]", 1);
const locale = word("a locale", "as locale -a prints it, such as C.UTF-8", /^[A-Za-z][\w.@-]*$/);

const withExtras = object("host programs", {
  programs: need(programs, "Absolute paths of programs on the host", "[/bin/bash, /bin/ls]"),
  nss: may(
    boolean,
    "Names of users, groups, hosts and services: nsswitch.conf, its modules, passwd, group, services, protocols",
  ),
  locales: may(list(locale, "[C.UTF-8]"), "Locales, as `locale -a` prints them"),
});

/** A list of programs, or what they open by themselves besides. */
const host: Shape<Omit<Extract<Source, { kind: "host" }>, "kind">> = {
  schema: { anyOf: [programs.schema, withExtras.schema] },
  read(node, at) {
    if (node.kind !== "mapping") {
      const list = programs.read(node, at);
      return list === undefined ? undefined : { programs: list };
    }
    // What is wrong with a program on the host is shown at it, however the list of them is written.
    const written = node.pairs.get("programs")?.value;
    if (written?.kind === "list")
      written.items.forEach(({ range }, i) => at.job.mark([...at.path, i], range));
    return withExtras.read(node, at);
  },
};
const image = word("an image", "such as registry.example/alpine:3.20");

const sha256 = scalar({
  what: "a sha256",
  write: "64 hex digits, as sha256sum prints them",
  takes: "source",
  schema: { type: "string", pattern: "^[0-9a-fA-F]{64}$" },
  parse: (text) => (/^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : undefined),
});

const debian = object("a Debian bootstrap", {
  suite: need(word("a suite", "such as bookworm", /^[a-z0-9][\w.+-]*$/i), "Release to bootstrap", "bookworm"),
  include: may(
    list(word("a package", "such as curl", /^[a-z0-9][\w.+:=~-]*$/i), "[curl, git]"),
    "Packages besides the base system",
  ),
  mirror: may(word("a mirror", "a URL: https://…", /^[a-z]+:\S+$/), "Default: the host's own apt sources"),
});

const snapshot = scalar({
  what: "a snapshot",
  write: "ENV@SNAPSHOT",
  schema: STRING,
  parse(text) {
    const match = /^([a-z0-9][a-z0-9_-]{0,71})@([A-Za-z0-9][\w.-]{0,62})$/.exec(text);
    return match === null ? undefined : { env: match[1]!, snapshot: match[2]! };
  },
});

/** A field that says which kind of source it is. */
const kind = <T>(shape: Shape<T>, doc: string, into: (value: T) => Source): ReturnType<typeof may<Source>> =>
  may(convert(shape, into), doc);
const archive = (path: string): Source => ({ kind: "archive", path });

const KINDS = {
  dir: kind(path, "Directory, used in place as a read-only lower and never written", (path) => ({
    kind: "dir",
    path,
  })),
  archive: kind(path, "tar archive: plain, .gz, .xz, .zst or .bz2", archive),
  host: kind(host, "Host programs with their whole shared-library closure", (host) => ({
    kind: "host",
    ...host,
  })),
  oci: kind(
    path,
    "OCI image layout (directory or archive) with an optional :tag, or a docker save archive",
    (path) => ({ kind: "oci", path }),
  ),
  image: kind(image, "Image to pull from a registry", (reference) => ({ kind: "image", reference })),
  debian: kind(debian, "Debian or Ubuntu, bootstrapped", ({ include = [], ...rest }) => ({
    kind: "debian",
    include,
    ...rest,
  })),
  squashfs: kind(path, "squashfs image, mounted read-only", (path) => ({ kind: "squashfs", path })),
  erofs: kind(path, "erofs image, mounted read-only", (path) => ({ kind: "erofs", path })),
  from: kind(snapshot, "Stored writable layer with all that lies under it: ENV@SNAPSHOT", (from) => ({
    kind: "from",
    ...from,
  })),
};
const NAMES = Object.keys(KINDS) as readonly (keyof typeof KINDS)[];

const keys = object(
  "a source",
  { ...KINDS, sha256: may(sha256, "What the archive must hash to") },
  { one: { of: NAMES, what: "source" } },
);

const plain = convert(
  scalar({
    what: "a source",
    write: "the path of a directory or archive, or { dir: … }",
    schema: STRING,
    parse: hostPath,
  }),
  (path): Source => ({ kind: "path", path }),
);

const long = convert(keys, ({ sha256, ...kinds }, node, at): Source | undefined => {
  const name = NAMES.find((key) => kinds[key] !== undefined);
  const value = name && kinds[name];
  if (value === undefined || node.kind !== "mapping") return undefined;
  // What is wrong with it on the host is shown at the path, not at the key before it.
  at.job.mark(at.path, node.pairs.get(value.kind)!.value.range);
  if (sha256 === undefined) return value;
  if (value.kind === "archive") return { ...value, sha256 };
  return fail(
    at,
    node.pairs.get("sha256")!.key,
    "conflict",
    "sha256 without an archive",
    "only an archive is checked against it",
  );
});

/** Where a layer comes from. */
export const source: Shape<Source> = either(plain, long);
