import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { COMMANDS, GLOBAL_FLAGS, SCHEMAS, SHELLS } from "#model/commands";
import { tempDir } from "#test/fixtures";
import { needs } from "#test/needs";
import { completion, isShell } from "#views/completion";
import { manPage } from "#views/man";
import { formatNames } from "../../scripts/formats.ts";
import { schemas } from "../../src/schemas.ts";

test("each shell's script has every command and every option", () => {
  for (const shell of SHELLS) {
    assert.ok(isShell(shell));
    const script = completion(shell);
    for (const { name, flags } of COMMANDS) {
      assert.ok(script.includes(name), `${shell}: ${name}`);
      for (const flag of [...flags, ...GLOBAL_FLAGS])
        assert.ok(
          script.includes(shell === "fish" ? `-l ${flag.name}` : `--${flag.name}`),
          `${shell}: ${flag.name}`,
        );
    }
  }
});

/** What bash would offer for the last word. */
function offers(...words: readonly string[]): readonly string[] {
  const script = `${completion("bash")}
envctl() { [ "$2" = runs ] && printf '%s\\n' web-tests web-tests/1 || printf '%s\\n' web-tests api api-0123abcd; }
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _envctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script, "bash", "envctl", ...words], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return stdout.trim().split("\n").sort();
}

test("bash offers commands, environments, options and their values", needs("program:bash"), () => {
  assert.deepEqual(offers("pl"), ["plan"]);
  assert.deepEqual(offers("plan", ""), ["api", "api-0123abcd", "web-tests"]);
  assert.deepEqual(offers("-C", "/tmp", "apply", "web"), ["web-tests"]);
  assert.deepEqual(offers("apply", "--on"), ["--on-error"]);
  assert.deepEqual(offers("apply", "--on-error", ""), ["keep", "rollback"]);
  assert.deepEqual(offers("--color", "al"), ["always"]);
  assert.deepEqual(offers("completion", ""), [...SHELLS].sort());
  assert.deepEqual(offers("schema", "dr"), ["drift"]);
  assert.deepEqual(offers("run", "web-tests", "--", ""), [""]);
  assert.deepEqual(offers("stop", ""), ["web-tests", "web-tests/1"]);
  assert.deepEqual(offers("logs", "web-tests/"), ["web-tests/1"]);
});

for (const [shell, check] of [
  ["bash", "-n"],
  ["zsh", "-n"],
  ["fish", "--no-execute"],
] as const) {
  test(`${shell} reads its script`, needs(`program:${shell}`), (t) => {
    const file = join(tempDir(t), "script");
    writeFileSync(file, completion(shell));
    const { status, stderr } = spawnSync(shell, [check, file], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });
}

test("fish offers commands, environments and options", needs("program:fish"), (t) => {
  const dir = tempDir(t);
  const file = join(dir, "script");
  writeFileSync(file, `function envctl; printf '%s\\n' web-tests api; end\n${completion("fish")}`);
  const fishOffers = (line: string): readonly string[] => {
    const env = { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir };
    const args = ["--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', file, line];
    const { status, stdout, stderr } = spawnSync("fish", args, { env, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout
      .trim()
      .split("\n")
      .map((offer) => offer.split("\t")[0]!);
  };
  assert.deepEqual(fishOffers("envctl pla"), ["plan"]);
  assert.deepEqual(fishOffers("envctl plan web"), ["web-tests"]);
  assert.deepEqual(fishOffers("envctl apply --on-e"), ["--on-error"]);
});

test("docs/envctl.1 is what the table says (npm run man)", () => {
  const root = new URL("../../", import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  assert.equal(readFileSync(new URL("docs/envctl.1", root), "utf8"), manPage(version));
});

test("every published schema can be printed", () => {
  assert.deepEqual([...SCHEMAS].sort(), ["env", ...formatNames].sort());
  assert.deepEqual(Object.keys(schemas).sort(), [...SCHEMAS].sort());
});
