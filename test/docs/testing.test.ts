import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${root}docs/testing.md`, "utf8");
const rows = [...page.matchAll(/^\| ([A-F]\d.*?) \| `(src\/.*?)` \| `(.*)` \|$/gm)];

test("every line that docs/testing.md names is in its file, once", () => {
  assert.ok(rows.length >= 10);
  for (const [, row, file, line] of rows) {
    assert.ok(existsSync(`${root}${file}`), `${row}: ${file}`);
    const found = readFileSync(`${root}${file}`, "utf8")
      .split("\n")
      .filter((text) => text.trim() === line);
    assert.equal(
      found.length,
      1,
      `${row}: try again what turns the test red, ${file} has no such line: ${line}`,
    );
  }
});
