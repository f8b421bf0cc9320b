import assert from "node:assert/strict";
import test from "node:test";
import { parseArgs } from "#commands/args";
import { Failure } from "#model/diagnostic";

const words = (line: string): string[] => line.split(" ");

test("options before and behind the command, with and without =, short ones together", () => {
  const args = parseArgs(words("--json plan -C repo --state-dir=/s web --detailed-exitcode"));
  assert.equal(args.command?.name, "plan");
  assert.deepEqual(args.operands, ["web"]);
  assert.equal(args.value("directory"), "repo");
  assert.equal(args.value("state-dir"), "/s");
  assert.ok(args.has("json") && args.has("detailed-exitcode") && !args.has("quiet"));
  const short = parseArgs(words("apply -yq -C/x"));
  assert.ok(short.has("yes") && short.has("quiet"));
  assert.equal(short.value("directory"), "/x");
});

test("everything behind -- is the command, whatever it looks like", () => {
  const args = parseArgs(words("run --rm web -- ls -la --json"));
  assert.deepEqual(args.rest, ["ls", "-la", "--json"]);
  assert.ok(!args.has("json"));
  assert.deepEqual(parseArgs(words("run web --")).rest, []);
});

test("help and version are understood as words too", () => {
  assert.ok(parseArgs(words("help run")).has("help"));
  assert.equal(parseArgs(words("help run")).command?.name, "run");
  assert.ok(parseArgs(["version"]).has("version"));
});

test("repeated values are kept in order", () => {
  assert.deepEqual(parseArgs(words("plan --var A=1 --var B=2")).values("var"), ["A=1", "B=2"]);
});

const wrong: readonly (readonly [string, RegExp, RegExp?])[] = [
  ["pln", /no command "pln"/, /Did you mean "plan"/],
  ["up", /no command "up"/, /Did you mean "apply"\? See: envctl --help/],
  ["run web ls -la", /the command goes behind --/, /^envctl run web -- ls -la\nSee: envctl run --help$/],
  ["plan --detailed-exitcod", /no option --detailed-exitcod$/, /--detailed-exitcode/],
  ["plan -z", /no option -z/],
  ["plan --rm", /no option --rm/],
  ["plan --json=1", /--json takes no value/],
  ["plan --var", /--var wants a value: NAME=VALUE/],
  ["ls --state-dir=", /--state-dir wants a value: DIR/],
];
for (const [line, summary, hint] of wrong) {
  test(`envctl ${line}: a usage error that says what to write`, () => {
    assert.throws(
      () => parseArgs(words(line)),
      (e: unknown) =>
        e instanceof Failure &&
        e.exit === 3 &&
        summary.test(e.message) &&
        (hint ?? /--help/).test(e.diagnostics[0]!.hint ?? ""),
    );
  });
}
