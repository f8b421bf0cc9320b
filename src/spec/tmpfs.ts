import type { Tmpfs } from "#model/spec";
import { memory } from "./limits.ts";
import { may, need, object } from "./object.ts";
import { target } from "./path.ts";
import { scalar } from "./scalar.ts";
import { convert, list, type JsonSchema, type Shape } from "./shape.ts";

const OCTAL: JsonSchema = {
  anyOf: [
    { type: "integer", minimum: 0 },
    { type: "string", pattern: "^(0o?)?[0-7]{1,4}$" },
  ],
};

/** Taken from the source text: 1777 is octal whether YAML would call it a number or not. */
const mode: Shape<number> = scalar({
  what: "a mode",
  write: "octal digits as for chmod: 1777",
  takes: "source",
  schema: OCTAL,
  parse: (text) =>
    /^(0o?)?[0-7]{1,4}$/.test(text) ? Number.parseInt(text.replace(/^0o/, ""), 8) : undefined,
});

const tmpfsKeys = object("a tmpfs", {
  target: need(target, "Absolute path inside", "/tmp"),
  size: may(memory, "At most this much memory; default: half of the host's"),
  mode: may(mode, "Octal; default: 1777"),
});

export const tmpfs: Shape<readonly Tmpfs[]> = list(
  convert(tmpfsKeys, (value): Tmpfs => ({ ...value, mode: value.mode ?? 0o1777 })),
  "- { target: /tmp, size: 64MiB }",
);
