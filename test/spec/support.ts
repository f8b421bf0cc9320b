import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { Diagnostic } from "#model/diagnostic";
import { parse, type Parsed } from "#spec/parse";

export type Variables = Readonly<Record<string, string>>;

/** Three sound lines: what a test adds begins in line 4. */
export const HEAD = "version: 1\nname: web-tests\nrootfs: ../rootfs\n";

export function read(text: string, variables: Variables = {}, fileName = "web-tests.yaml"): Parsed {
  return parse({ text, file: `envs/${fileName}`, fileName, variables: (name) => variables[name] });
}

export function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}.yaml`, import.meta.url), "utf8");
}

/** `4:1+5 unknown key "lower" | did you mean "lowers"?`: where, how long, what, and what to write. */
export function brief({ span, summary, detail }: Diagnostic): string {
  const where = span === undefined ? "nowhere" : `${span.line}:${span.column}+${span.length}`;
  return `${where} ${summary}${detail === undefined ? "" : ` | ${detail}`}`;
}

export function complaints(text: string, variables: Variables = {}): readonly string[] {
  return read(text, variables).diagnostics.map(brief);
}

/** What is added to the three sound lines, and all that is said of it. */
export type Mistake = readonly [title: string, added: string, ...expected: string[]];

/** A test for each: nothing but the expected is said, each time with the line it speaks of. */
export function mistakes(cases: readonly Mistake[]): void {
  for (const [title, added, ...expected] of cases) {
    test(title, () => {
      const { spec, diagnostics } = read(HEAD + added);
      assert.deepEqual(diagnostics.map(brief), expected);
      assert.equal(spec, undefined);
      const lines = (HEAD + added).split("\n");
      for (const { file, span, text, severity } of diagnostics) {
        assert.equal(severity, "error");
        assert.equal(file, "envs/web-tests.yaml");
        assert.equal(text, lines[span!.line - 1]);
      }
    });
  }
}
