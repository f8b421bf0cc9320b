// Writes the generated halves of docs/commands.md and docs/file-format.md: the command table, and the schema of environment files with
// what the built command refuses of it. A test fails when they are stale. The other half of each page is written by hand.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS, GLOBAL_FLAGS, type Command, type Flag } from "../src/model/commands.ts";
import { pageOf } from "../src/model/pages.ts";
import { environmentSchema } from "../src/spec/schema.ts";
import { exits } from "../src/views/help.ts";

const page = (name: string): string => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));

/** A row of a Markdown table. */
const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
  rows.length === 0
    ? []
    : [row(...head), row(...head.map(() => "---")), ...rows.map((cells) => row(...cells)), ""];

const flag = ({ name, short, value, summary, multiple }: Flag): readonly string[] => [
  `${short === undefined ? "" : `\`-${short}\`, `}\`--${name}${value === undefined ? "" : ` ${value}`}\``,
  summary + (multiple === true ? "; may be repeated" : ""),
];

function command(c: Command): readonly string[] {
  const { about, examples, summary, synopsis } = pageOf(c.name);
  const options = c.flags.length > 0 && !synopsis.startsWith("[-") ? "[OPTION…] " : "";
  return [
    `## envctl ${c.name}`,
    "",
    "```",
    `envctl ${c.name} ${options}${synopsis}`.trimEnd(),
    "```",
    "",
    about,
    "",
    ...table(["option", "means"], c.flags.map(flag)),
    ...table(
      ["example", "does"],
      examples.map(([line, what]) => [`\`${line}\``, what || summary]),
    ),
    ...table(["exit", "means"], exits(c)),
  ];
}

function commands(): readonly string[] {
  return [
    ...table(
      ["command", "does"],
      COMMANDS.map((c) => [`[${c.name}](#envctl-${c.name})`, pageOf(c.name).summary]),
    ),
    ...COMMANDS.flatMap(command),
    "## Everywhere",
    "",
    ...table(["option", "means"], GLOBAL_FLAGS.map(flag)),
  ];
}

/** The parts of JSON Schema that the language uses. */
type Schema = {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
};

/** What a pattern of the schema stands for. An unknown one has to be named here before the page can be written. */
const PATTERNS: readonly (readonly [part: string, name: string])[] = [
  ["KMGT", "size"],
  ["[0-7]", "octal number"],
  ["\\d\\s,-", "list of numbers: `0-1,3`"],
  ["0-9a-fA-F", "64 hex digits"],
  ["a-z0-9][a-z0-9_-]", "name: a-z, 0-9, `_`, `-`"],
  ["(ro|rw)", "`SOURCE:TARGET[:ro\\|rw]`"],
];

/** Every value may also come from a variable; that is said once. */
const isVariable = ({ pattern }: Schema): boolean => pattern === "\\$\\{";

/** What one writes: in words, or the objects that are described in a table of their own. */
function takes(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${word}\``).join(", ");
  if (schema.pattern !== undefined) {
    const named = PATTERNS.find(([part]) => schema.pattern!.includes(part));
    if (named === undefined) throw new Error(`scripts/docs.ts has no name for the pattern ${schema.pattern}`);
    return named[1].replaceAll("\\|", "|");
  }
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.filter((s) => !isVariable(s)).map(takes);
    const words = [...new Set(all)].filter(
      (word, _, list) =>
        !(
          word === "number" &&
          list.some(
            (w) =>
              w.includes("number: ") ||
              w === "size" ||
              w === "octal number" ||
              w.startsWith("list of numbers"),
          )
        ),
    );
    return words.join(" or ");
  }
  if (schema.items !== undefined) return `list of ${takes(schema.items)}`;
  if (schema.properties !== undefined) return "keys, below";
  const types = [schema.type ?? []].flat().filter((type) => type !== "null");
  if (types.includes("object")) return "keys with values";
  if (types.length > 1) return "text";
  if (types[0] === "integer" || types[0] === "number") return range(schema);
  return types[0] === "boolean" ? "`true`, `false`" : types[0] === "string" ? "text" : types.join(" or ");
}

function range({ minimum, maximum }: Schema): string {
  return maximum === undefined ? "number" : `number from ${minimum} to ${maximum}`;
}

/** The object that a schema describes, if it does: itself, the long form of several, or what a list holds. */
function objectIn(schema: Schema): Schema | undefined {
  if (schema.properties !== undefined) return schema;
  const inner = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  return inner.map(objectIn).find((found) => found !== undefined);
}

type Part = { readonly title: string; readonly intro: string; readonly at: string; readonly schema: Schema };

/** Objects in the order of the file; the layers of `lowers` are described with `rootfs`. */
function parts(schema: Schema, at = ""): readonly Part[] {
  const own = objectIn(schema)!;
  const intro =
    own.oneOf === undefined
      ? ""
      : `Exactly one of ${own.oneOf.map((s) => `\`${s.required![0]}\``).join(", ")}.`;
  const title = at === "" ? "The file" : at === "rootfs" ? "rootfs and lowers[]" : at;
  const below = Object.entries(own.properties ?? {}).flatMap(([key, value]) => {
    const name = [at, key].filter(Boolean).join(".");
    const list = value.items === undefined ? name : `${name}[]`;
    return objectIn(value) === undefined || name === "lowers" ? [] : parts(value, list);
  });
  return [{ title, intro, at, schema: own }, ...below];
}

/** A line of it for everything this version may not be able to do yet; `validate` says which of them it refuses. */
const ATTEMPTS: readonly (readonly [key: string, line: string])[] = [
  ["rootfs.archive", "  - { archive: some.tar }"],
  ["rootfs.host", "  - { host: [/bin/sh] }"],
  ["rootfs.oci", "  - { oci: some-layout }"],
  ["rootfs.image", "  - { image: registry.example/some:1 }"],
  ["rootfs.debian", "  - { debian: { suite: bookworm } }"],
  ["rootfs.squashfs", "  - { squashfs: some.squashfs }"],
  ["rootfs.erofs", "  - { erofs: some.erofs }"],
  ["rootfs.from", "  - { from: some@snapshot }"],
  ["", "volumes:"],
  ["volumes[].owner", "  - { source: ., target: /data, owner: caller }"],
];

/** Keys that parse and are then refused as not supported, asked of the built command. */
function refused(): ReadonlySet<string> {
  const dir = mkdtempSync(join(tmpdir(), "envctl-docs-"));
  try {
    mkdirSync(join(dir, "envs"));
    const head = ["version: 1", "name: all", "rootfs: .", "lowers:"];
    writeFileSync(
      join(dir, "envs/all.yaml"),
      `${[...head, ...ATTEMPTS.map(([, line]) => line)].join("\n")}\n`,
    );
    const args = ["validate", "all", "--json", "-C", dir, "--state-dir", join(dir, "state")];
    const { stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });
    if (!stdout.startsWith('{"format":"envctl.validate/1"'))
      throw new Error(`npm run build first? ${stdout}${stderr}`);
    type Report = {
      readonly files: readonly {
        readonly diagnostics: readonly { readonly code: string; readonly line?: number }[];
      }[];
    };
    const said = (JSON.parse(stdout) as Report).files.flatMap((file) => file.diagnostics);
    const lines = said
      .filter(({ code }) => code === "not_supported")
      .map(({ line = 0 }) => line - 1 - head.length);
    return new Set(lines.map((line) => ATTEMPTS[line]![0]));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function fileFormat(): readonly string[] {
  const later = refused();
  return parts(environmentSchema()).flatMap(({ title, intro, at, schema }) => {
    const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
      const name = [at, key].filter(Boolean).join(".");
      const need = schema.required?.includes(key) === true ? " **required**" : "";
      const not = later.has(name) ? "**Not in this version: refused by `plan`.** " : "";
      return [`\`${key}\`${need}`, takes(value), not + (value.description ?? "")];
    });
    const free = at === "" ? [["`x-…`", "anything", "Free, for anchors"]] : [];
    return [
      `### ${title}`,
      "",
      ...(intro === "" ? [] : [intro, ""]),
      ...table(["key", "takes", "means"], [...rows, ...free]),
    ];
  });
}

const BEGIN = "<!-- generated by scripts/docs.ts (npm run docs): from here on nothing is written by hand -->";

/** The pages as they should be, by path: what stands above the mark is kept. */
export function docs(): ReadonlyMap<string, string> {
  const generated = { "commands.md": commands, "file-format.md": fileFormat };
  return new Map(
    Object.entries(generated).map(([name, make]) => {
      const [own = ""] = readFileSync(page(name), "utf8").split(BEGIN);
      return [page(name), `${own}${BEGIN}\n\n${make().join("\n").trimEnd()}\n`];
    }),
  );
}

// scripts/run.js imports this file, so it is never import.meta.main.
if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [path, text] of docs()) writeFileSync(path, text);
