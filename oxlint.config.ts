import type { OxlintConfig, OxlintOverride } from "oxlint";
import { type Room, rooms } from "./scripts/rooms.ts";

const list = (words: readonly string[]): string => (words.length > 0 ? words.join(", ") : "nothing");

const onlyCli = "Only src/cli.ts sees the process: take what is needed as an argument.";

/** Every import of a room that its row of the table does not name, with the reason. */
function importsOf(name: string, room: Room): OxlintOverride {
  const { packages = [], types = [] } = room;
  const mine = [name, ...room.rooms];
  const others = [...Object.keys(rooms), "test", ...(room.process ? [] : ["package"])].filter(
    (other) => !mine.includes(other) && !types.includes(other),
  );
  const because = `because ${room.why}.`;
  const allowed = list(room.rooms.map((other) => `#${other}`));
  return {
    files: [room.files],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: `^#(${others.join("|")})/`, message: `${name} may import ${allowed}, ${because}` },
            ...types.map((other) => ({
              regex: `^#${other}/`,
              allowTypeImports: true,
              message: `${name} may import types of #${other} and nothing that runs (import type), ${because}`,
            })),
            {
              regex: "^\\.\\.",
              message:
                "Write #room/file instead of ../: imports that leave a folder name their room, so that the room's rule sees them.",
            },
            ...(room.outside
              ? []
              : [
                  {
                    regex: "^node:",
                    message: `${name} reaches the outside through a port, implemented in src/kernel/linux, ${because}`,
                  },
                ]),
            ...(room.outside && !room.process ? [{ regex: "^node:process$", message: onlyCli }] : []),
            // Last: a specifier that one of its exceptions matches is not looked at any further.
            {
              group: [
                "**",
                "!\\#*/**",
                "!./**",
                "!../**",
                "!node:*",
                "!node:*/**",
                ...packages.flatMap((it) => [`!${it}`, `!${it}/**`]),
              ],
              message: `${name} may use ${packages.length > 0 ? `only ${packages.join(" and ")}` : "no package"}, ${because}`,
            },
          ],
        },
      ],
    },
  };
}

/** Globals that reach the outside without an import. */
function globalsOf(name: string, room: Room): OxlintOverride {
  const process = { name: "process", message: onlyCli };
  const fetch = {
    name: "fetch",
    message: `${name} reaches the network through the Net port, implemented in src/kernel/linux.`,
  };
  return {
    files: [room.files],
    rules: {
      "no-restricted-globals": [
        "error",
        ...(room.process ? [] : [process]),
        ...(name === "kernel" ? [] : [fetch]),
      ],
      "no-console": "error",
      // Types through import() would pass the rules above; only the kernel's room names packages it loads late.
      "typescript/consistent-type-imports": ["error", { disallowTypeAnnotations: name !== "kernel" }],
    },
  };
}

const config: OxlintConfig = {
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "promise", "node"],
  categories: { correctness: "error" },
  rules: {
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }],
    "prefer-const": "error",
    "no-var": "error",
    eqeqeq: ["error", "always", { null: "ignore" }],
    "typescript/no-explicit-any": "error",
    "import/no-cycle": ["error", { ignoreTypes: false }],
    // In the bundle an export is what it was when its part had run (scripts/functions.ts).
    "import/no-mutable-exports": "error",
  },
  ignorePatterns: ["node_modules/**", "dist/**", "test/lint/fixtures/**"],
  overrides: Object.entries(rooms).flatMap(([name, room]) => [importsOf(name, room), globalsOf(name, room)]),
};

export default config;
