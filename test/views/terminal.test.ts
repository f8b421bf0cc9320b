// Every picture, in colour and without, as a terminal shows it.
import assert from "node:assert/strict";
import test from "node:test";
import { drawn } from "#test/terminal";
import { looks } from "./fixtures.ts";
import { scenes } from "./scenes.ts";
import { uncut } from "./uncut.ts";

for (const [name, draw] of Object.entries(scenes)) {
  test(`${name} looks in a terminal as it reads, and stains nothing after it`, async () => {
    for (const [plain, painted] of [
      ["80.txt", "80.ansi"],
      ["120.txt", "120.ansi"],
    ] as const) {
      const { columns } = looks[plain]!;
      const text = draw(looks[plain]!);
      const [black, coloured] = [await drawn(text, columns), await drawn(draw(looks[painted]!), columns)];
      assert.deepEqual(coloured.rows, black.rows);
      assert.deepEqual(black.styled, []);
      for (const screen of [black, coloured]) {
        assert.deepEqual(screen.left, []);
        assert.equal(screen.stained, false);
        // Only what is copied into a shell or an editor may be longer than a row.
        for (const row of screen.broken) assert.match(screen.rows[row]!, uncut);
      }
      assert.equal(coloured.rows.join("\n"), text.trimEnd());
    }
  });
}

const styles = async (name: string): Promise<readonly string[]> =>
  (await drawn(scenes[name]!(looks["80.ansi"]!), 80)).styled.map(
    ({ style, text }) => `${style}: ${text.trimEnd()}`,
  );

for (const [name, words] of Object.entries({
  "plan-changes": [
    "bold: web-tests",
    "dim: (web-tests-931505fb)",
    "bold: Changed outside envctl since the last apply",
    "yellow: missing",
    "green: +",
    "yellow: ~",
    "red: -",
    "bold: overlay",
    "dim: lowers changed",
    "yellow: Warning:",
    "yellow: 2 to replace",
  ],
  "apply-undone": ["red: ✘", "red: Failed after 12 ms"],
  "apply-done": ["green: ✔", "green: Applied in 41 ms:"],
  drift: ["yellow: missing", "yellow: foreign", "cyan: envctl apply web-tests", "bold: Belonging to no file"],
  "errors-in-a-file": [
    "bold: envs/web-tests.yaml:4:1:",
    "red: ^^^^^",
    "bold: 3 errors in 1 file. Nothing was changed.",
  ],
  "error-kernel": ["red: envctl:"],
  busy: ["red: envctl:"],
})) {
  test(`${name}: colours are on the right words`, async () => {
    const found = await styles(name);
    for (const word of words) assert.ok(found.includes(word), `${word} is not among\n${found.join("\n")}`);
  });
}
