import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Diagnostic } from "#model/diagnostic";
import { Failure, KernelError } from "#model/diagnostic";
import { diagnostics, diagnosticsOf } from "#views/diagnostics";
import { width } from "#views/text";
import { FILE, LOOK } from "./fixtures.ts";
import { refused } from "./steps.ts";

const error = (more: Partial<Diagnostic> = {}): Diagnostic => ({
  severity: "error",
  code: "bad_value",
  summary: "wrong",
  ...more,
});

test("the caret stands below the mark, whatever the line holds", () => {
  const source = fc.string({ unit: fc.constantFrom("a", "\t", "日", "é", " ") });
  fc.assert(
    fc.property(source, source, fc.integer({ min: 40, max: 120 }), (before, after, columns) => {
      const text = `${before}MARK${after}`;
      const span = { line: 7, column: [...before].length + 1, length: 4 };
      const [, line = "", caret = ""] = diagnostics([error({ file: FILE, span, text })], {
        ...LOOK,
        columns,
      }).split("\n");
      const at = line.indexOf("M");
      assert.ok(at >= 0, line);
      assert.equal(width(caret), width(line.slice(0, at)) + "MARK".length, `${line}\n${caret}`);
      assert.match(caret, /^ {5}\| *\^{4}$/);
      assert.ok(width(line) <= columns);
    }),
  );
});

test("the last line counts errors, warnings and files, and stands only where a file is wrong", () => {
  const of = (file: string, severity: "error" | "warning" = "error"): Diagnostic => error({ file, severity });
  const last = (...all: Diagnostic[]): string | undefined => diagnostics(all, LOOK).split("\n").at(-2);
  assert.equal(last(of("a")), "1 error in 1 file. Nothing was changed.");
  assert.equal(
    last(of("a"), of("b"), of("b", "warning")),
    "2 errors, 1 warning in 2 files. Nothing was changed.",
  );
  assert.equal(last(error()), "envctl: wrong");
  assert.match(last(of("a", "warning"))!, /^a: warning: wrong$/);
  assert.equal(diagnostics([], LOOK), "");
});

test("promise 8: what was attempted, what the kernel said, why, and what to do", () => {
  const lines = diagnostics(diagnosticsOf(refused, "web-tests: cannot mount overlay"), LOOK).split("\n");
  assert.deepEqual(lines, [
    "envctl: web-tests: cannot mount overlay",
    "  call    fsconfig(5, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
    "  kernel  EINVAL: invalid argument",
    "  why     overlayfs: workdir and upperdir must reside under the same mount",
    "  fix     keep upper and work on one file system",
    "",
  ]);
});

test("an errno without a sentence stands alone, and a hint of ours is what to do", () => {
  const [d] = diagnosticsOf(new KernelError('umount2("/x", UMOUNT_NOFOLLOW)', "EUCLEAN", "repair it"));
  assert.deepEqual([d?.summary, d?.detail, d?.hint], ["the kernel refused umount2", undefined, "repair it"]);
  assert.match(diagnostics([d!], LOOK), /^ {2}kernel {2}EUCLEAN$/m);
});

test("never a stack trace", () => {
  for (const thrown of [
    new TypeError("x is not a function"),
    "text",
    undefined,
    { toString: () => "object" },
  ]) {
    const text = diagnostics(diagnosticsOf(thrown), LOOK);
    assert.match(
      text,
      /^envctl: a mistake in envctl itself\n {2}(TypeError: x is not a function|text|undefined|object)\n/,
    );
    assert.doesNotMatch(text, /^\s*at /m);
  }
  const own = [error()];
  assert.equal(diagnosticsOf(new Failure(3, own)), own);
});
