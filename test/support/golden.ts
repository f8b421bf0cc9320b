import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Compares with test/golden/NAME. `npm run golden` writes the files instead; a person reviews the difference. */
export function golden(name: string, actual: string): void {
  const file = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  if (process.env["ENVCTL_UPDATE_GOLDEN"] === "1") {
    if (process.env["CI"]) throw new Error("golden files are not regenerated while CI is set");
    if (existsSync(file) && readFileSync(file, "utf8") === actual) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  if (!existsSync(file)) assert.fail(`test/golden/${name} does not exist: \`npm run golden\` writes it`);
  const expected = readFileSync(file, "utf8");
  if (actual !== expected) assert.fail(message(name, actual, expected));
}

function message(name: string, actual: string, expected: string): string {
  const [got, want] = [actual.split("\n"), expected.split("\n")];
  const at = got.findIndex((line, i) => line !== want[i]);
  const line = at === -1 ? got.length : at;
  const show = (text: string | undefined): string => (text === undefined ? "(end)" : JSON.stringify(text));
  return (
    `differs from test/golden/${name} at line ${line + 1} (if it should: npm run golden)\n` +
    `  expected ${show(want[line])}\n  actual   ${show(got[line])}\n\n${actual}`
  );
}
