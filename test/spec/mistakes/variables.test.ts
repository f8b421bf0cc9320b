import assert from "node:assert/strict";
import test from "node:test";
import { complaints, HEAD, mistakes, read, type Variables } from "../support.ts";

const SIZE = "a number with K, M or G (powers of 1024): 256MiB";
const FORMS = "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $$ is a plain $";

mistakes([
  [
    "a variable that is not set",
    "limits:\n  memory: ${MEM}\n",
    "5:11+6 variable MEM is not set | set it, pass --var MEM=VALUE, or write a default: ${MEM:-…}",
  ],
  [
    "a variable in the middle",
    'entry:\n  command: ["a ${MEM} b"]\n',
    "5:16+6 variable MEM is not set | set it, pass --var MEM=VALUE, or write a default: ${MEM:-…}",
  ],
  [
    "a variable with its own words",
    "limits:\n  memory: ${MEM:?how much may it take}\n",
    "5:11+28 variable MEM is not set | how much may it take",
  ],
  [
    "two of them in one value",
    "volumes:\n  - ${A}:${B}\n",
    "5:5+4 variable A is not set | set it, pass --var A=VALUE, or write a default: ${A:-…}",
    "5:10+4 variable B is not set | set it, pass --var B=VALUE, or write a default: ${B:-…}",
  ],
  ["a variable without its brace", "limits:\n  memory: ${MEM\n", `5:11+5 \${ without } | ${FORMS}`],
  ["a default without its brace", "limits:\n  memory: ${MEM:-1G\n", `5:11+9 \${ without } | ${FORMS}`],
  ["an operator of the shell", "limits:\n  memory: ${MEM%x}\n", `5:11+8 not a substitution | ${FORMS}`],
  ["a variable without a name", "limits:\n  memory: ${}\n", `5:11+3 not a substitution | ${FORMS}`],
  [
    "a variable behind an escape",
    'entry:\n  command: ["\\t${MEM}"]\n',
    "5:13+10 variable MEM is not set | set it, pass --var MEM=VALUE, or write a default: ${MEM:-…}",
  ],
  [
    "several mistakes of a file, in its order",
    "limits: { pids: x }\nlower: []\nentry: { init: 1 }\n",
    "4:17+1 not a whole number | a whole number from 1 to 4194304",
    '5:1+5 unknown key "lower" | did you mean "lowers"?',
    "6:16+1 not true or false | write true or false",
  ],
]);

const fromOutside: readonly (readonly [
  title: string,
  added: string,
  variables: Variables,
  expected: string,
])[] = [
  [
    "a bad value from a variable is shown, the file does not",
    "limits:\n  memory: ${MEM}\n",
    { MEM: "lots" },
    `5:11+6 not a size | ${SIZE} (it came out as "lots")`,
  ],
  [
    "an empty variable where text is needed",
    "limits:\n  memory: ${MEM}\n",
    { MEM: "" },
    `5:11+6 not a size | ${SIZE} (it came out as "")`,
  ],
  [
    "an empty variable that has its own words",
    "limits:\n  memory: ${MEM:?how much}\n",
    { MEM: "" },
    "5:11+16 variable MEM is not set | how much",
  ],
  [
    "a volume whose parts come from one variable",
    "volumes:\n  - ${V}\n",
    { V: "a:/b:/c" },
    "5:5+4 not ro or rw | write ro or rw; a path with a colon needs { source: …, target: … }",
  ],
  [
    "NUL from a variable",
    'entry:\n  env: { A: "${V}" }\n',
    { V: "\0" },
    "5:13+6 a character the kernel cannot take | no NUL and no half of a character",
  ],
];

for (const [title, added, variables, expected] of fromOutside) {
  test(title, () => assert.deepEqual(complaints(HEAD + added, variables), [expected]));
}

test("F27 the value of a variable in env is in no message", () => {
  const secret = "s3cret value";
  for (const env of [
    "[${T}]",
    "{ A: [${T}] }",
    '["A B=${T}"]',
    '["=${T}"]',
    '["A=${T}", "A=${T}"]',
    "{ ${T}: 1 }",
    '"${T}"',
  ]) {
    const { diagnostics } = read(`${HEAD}entry: { env: ${env} }\n`, { T: secret });
    assert.ok(diagnostics.length > 0, env);
    assert.ok(!JSON.stringify(diagnostics).includes("s3cret"), env);
  }
});
