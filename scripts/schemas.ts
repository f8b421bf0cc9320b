// Writes schemas/: one JSON Schema for environment files and one for each machine-readable output. A test fails when they are stale.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { environmentSchema } from "../src/spec/schema.ts";
import { formatNames, formatSchema } from "./formats.ts";

/** Every schema the project publishes, by file name. */
export function schemas(): ReadonlyMap<string, string> {
  const outputs = formatNames.map((name) => [name, formatSchema(name)] as const);
  const all: readonly (readonly [string, object])[] = [["env", environmentSchema()], ...outputs];
  return new Map(
    all.map(([name, schema]) => [`${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`]),
  );
}

// scripts/run.js imports this file, so it is never import.meta.main.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dir = new URL("../schemas/", import.meta.url);
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of schemas()) writeFileSync(new URL(name, dir), text);
}
