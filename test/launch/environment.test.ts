import assert from "node:assert/strict";
import test from "node:test";
import { environmentOf, isExportable } from "#launch/environment";

const caller = (terminal: boolean, values: Record<string, string> = {}) => ({
  terminal,
  variable: (name: string) => values[name],
});

test("PATH is set for the entry, and its host name (A16)", () => {
  const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  assert.deepEqual(environmentOf({}, "box", caller(false, { PATH: "/mine", TERM: "xterm", HOME: "/h" })), {
    PATH,
    HOSTNAME: "box",
  });
});

test("TERM comes along on a terminal only", () => {
  assert.equal(environmentOf({}, "box", caller(true, { TERM: "screen" }))["TERM"], "screen");
  assert.equal(environmentOf({}, "box", caller(true))["TERM"], "xterm");
});

test("what the file says wins; a bare name passes through, and is left out where the caller has none", () => {
  const declared = {
    PATH: { kind: "literal", value: "/opt/bin" },
    HOSTNAME: { kind: "variable", value: "other" },
    TOKEN: { kind: "passthrough" },
    GONE: { kind: "passthrough" },
    EMPTY: { kind: "passthrough" },
  } as const;
  const env = environmentOf(declared, "box", caller(false, { TOKEN: "s3cret", EMPTY: "" }));
  assert.deepEqual(env, { PATH: "/opt/bin", HOSTNAME: "other", TOKEN: "s3cret", EMPTY: "" });
});

test("names that a shell hands on unchanged", () => {
  for (const name of ["A", "_x", "LD_PRELOAD", "PS1", "a1", "PATH", "HOME", "PWD"])
    assert.ok(isExportable(name), name);
  for (const name of [
    "",
    "1A",
    "A.B",
    "A-B",
    "A B",
    "é",
    "_",
    "IFS",
    "UID",
    "PPID",
    "BASH_ENV",
    "SHELLOPTS",
    "OPTIND",
    "_envctl_0",
    "A\n",
  ])
    assert.ok(!isExportable(name), name);
});
