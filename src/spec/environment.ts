import { NAME_PATTERN } from "#model/identity";
import type { OverlayOptions, Spec, Upper } from "#model/spec";
import { entry } from "./entry.ts";
import { limits, memory } from "./limits.ts";
import { boolean, choice, Complaint, scalar } from "./scalar.ts";
import { may, need, object } from "./object.ts";
import { convert, either, fail, list, type Shape } from "./shape.ts";
import { source } from "./source.ts";
import { tmpfs } from "./tmpfs.ts";
import { volumes } from "./volume.ts";

const version = scalar({
  what: "a version",
  write: "write 1",
  takes: "bare",
  fixed: true,
  schema: { const: 1 },
  parse: (text) =>
    text === "1"
      ? 1
      : /^\d+$/.test(text)
        ? new Complaint(`version ${text} is not known`, "this envctl reads version 1")
        : undefined,
});

const WRITE_NAME = "a-z, 0-9, _ and -, at most 63, a letter or digit first";

const name = convert(
  scalar({
    what: "a name",
    write: WRITE_NAME,
    code: "bad_name",
    fixed: true,
    schema: { type: "string", pattern: NAME_PATTERN.source },
    parse(text) {
      if (NAME_PATTERN.test(text)) return text;
      return text.includes("${")
        ? new Complaint("a name without variables", WRITE_NAME, "bad_name")
        : undefined;
    },
  }),
  (value, node, at) =>
    value === at.job.name
      ? value
      : fail(
          at,
          node.range,
          "bad_name",
          "not the file's name",
          `write ${at.job.name}, or rename the file to ${value}.yaml`,
        ),
);

const onOff = choice(["on", "off"]);
const options: Shape<OverlayOptions> = object("overlay options", {
  index: may(onOff, "Hard links survive copy-up; refuses an upper that is in use"),
  metacopy: may(onOff, "Copy up metadata alone when only that changes"),
  redirect_dir: may(choice(["on", "off", "follow", "nofollow"]), "Renames of lower directories"),
  xino: may(choice(["on", "off", "auto"]), "Stable inode numbers across layers"),
  volatile: may(boolean, "No fsync: faster, and upper is lost with the machine"),
});

const upper: Shape<Upper> = either(
  convert(choice(["disk", "none"], ", or { tmpfs: 512MiB }"), (kind): Upper => ({ kind })),
  convert(
    object("a form of upper", { tmpfs: need(memory, "In memory, at most this much", "512MiB") }),
    ({ tmpfs: size }): Upper => ({
      kind: "tmpfs",
      size,
    }),
  ),
);

const overlay = object("an overlay", {
  upper: may(
    upper,
    "Where what is written inside goes: disk, { tmpfs: SIZE }, or none for read-only; default: disk",
  ),
  options: may(options, "Of the kernel's overlayfs; absent ones are off, xino is auto"),
});

const DISK: Upper = { kind: "disk" };

/** The whole file. */
export const environment: Shape<Spec> = convert(
  object(
    "an environment",
    {
      version: need(version, "Version of this language", "1"),
      name: need(name, "Equals the file's name", "web-tests"),
      rootfs: need(source, "Root filesystem: a directory, an archive, or another source", "../rootfs"),
      lowers: may(
        list(source, "- ../layers/tools"),
        "Extra read-only layers above rootfs; the first is the topmost",
      ),
      overlay: may(overlay, "How the layers are stacked"),
      volumes: may(volumes, "Host directories and files inside: host:container[:ro|rw]"),
      tmpfs: may(tmpfs, "Memory file systems inside"),
      limits: may(limits, "What the cgroup allows"),
      entry: may(entry, "What run starts, and how"),
    },
    { free: /^x-/ },
  ),
  (
    { name, rootfs, lowers = [], overlay: { upper = DISK, options = {} } = {}, ...rest },
    node,
    at,
  ): Spec | undefined => {
    // An absent entry is an empty one: its defaults live in one place.
    const run =
      rest.entry ?? entry.read({ kind: "mapping", range: node.range, weight: 1, pairs: new Map() }, at);
    if (run === undefined) return undefined;
    const { volumes = [], tmpfs = [], limits = {} } = rest;
    return {
      name,
      rootfs,
      lowers,
      overlay: { upper, options },
      volumes,
      tmpfs,
      limits,
      entry: { hostname: name, ...run },
    };
  },
);
