// Holds machine-readable output against the published schemas: whoever reads `--json` in a test comes through here.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";

const compiled = new Map<string, ValidateFunction>();

function schemaOf(format: string): ValidateFunction {
  const known = compiled.get(format);
  if (known !== undefined) return known;
  const [, name] = /^envctl\.([a-z-]+)\/1$/.exec(format) ?? [];
  const file = fileURLToPath(new URL(`../../schemas/${name}.schema.json`, import.meta.url));
  assert.ok(name !== undefined && existsSync(file), `no schema for the format "${format}"`);
  const schema = JSON.parse(readFileSync(file, "utf8")) as object;
  const validate = new Ajv2020.default({ strict: true, allowUnionTypes: true }).compile(schema);
  compiled.set(format, validate);
  return validate;
}

/** The objects of `--json` output, one a line, each as its schema says and with `format` as its first key. */
export function checked(stdout: string): readonly Record<string, unknown>[] {
  assert.match(stdout, /^\{.*\}\n$/s, "JSON lines, nothing before or behind");
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const value = JSON.parse(line) as Record<string, unknown>;
      assert.equal(Object.keys(value)[0], "format", line);
      const validate = schemaOf(String(value["format"]));
      assert.ok(validate(value), `${JSON.stringify(validate.errors, null, 1)}\n${line}`);
      return value;
    });
}
