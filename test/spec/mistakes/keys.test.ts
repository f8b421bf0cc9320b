import assert from "node:assert/strict";
import test from "node:test";
import { complaints, HEAD, mistakes, read } from "../support.ts";

mistakes([
  ["an unknown key", "lower:\n  - a\n", '4:1+5 unknown key "lower" | did you mean "lowers"?'],
  [
    "an unknown key like none",
    "zebra: 1\n",
    '4:1+5 unknown key "zebra" | known: version, name, rootfs, lowers, overlay, volumes, tmpfs, limits, entry',
  ],
  [
    "an unknown key in a mapping",
    "limits:\n  mem: 1G\n",
    '5:3+3 unknown key "mem" | known: memory, swap, cpuset, cpuset_mems, cpus, cpu_shares, pids',
  ],
  [
    "an unknown key in a flow mapping",
    "limits: { memry: 1G }\n",
    '4:11+5 unknown key "memry" | did you mean "memory"?',
  ],
  [
    "x- below the top",
    "limits:\n  x-a: 1\n",
    '5:3+3 unknown key "x-a" | known: memory, swap, cpuset, cpuset_mems, cpus, cpu_shares, pids',
  ],
  [
    "the name of a built-in of JavaScript",
    "constructor: 1\n__proto__: 2\n",
    '4:1+11 unknown key "constructor" | known: version, name, rootfs, lowers, overlay, volumes, tmpfs, limits, entry',
    '5:1+9 unknown key "__proto__" | known: version, name, rootfs, lowers, overlay, volumes, tmpfs, limits, entry',
  ],
]);

const heads: readonly (readonly [title: string, text: string, ...expected: string[]])[] = [
  ["C1 no rootfs", "version: 1\nname: web-tests\n", '1:1+7 missing key "rootfs" | such as rootfs: ../rootfs'],
  [
    "an empty rootfs",
    "version: 1\nname: web-tests\nrootfs:\n",
    "3:1+6 no value | the path of a directory or archive, or { dir: … }",
  ],
  ["no version", "name: web-tests\nrootfs: a\n", '1:1+4 missing key "version" | such as version: 1'],
  [
    "a newer version",
    "version: 2\nname: web-tests\nrootfs: a\n",
    "1:10+1 version 2 is not known | this envctl reads version 1",
  ],
  [
    "a version in quotes",
    'version: "1"\nname: web-tests\nrootfs: a\n',
    "1:10+3 not a version | write it without quotes: 1",
  ],
  [
    "a version from a variable",
    "version: ${V}\nname: web-tests\nrootfs: a\n",
    "1:10+4 not a version | write 1",
  ],
  [
    "another file's name",
    "version: 1\nname: web\nrootfs: a\n",
    "2:7+3 not the file's name | write web-tests, or rename the file to web.yaml",
  ],
  [
    "capitals in the name",
    "version: 1\nname: Web\nrootfs: a\n",
    "2:7+3 not a name | a-z, 0-9, _ and -, at most 63, a letter or digit first",
  ],
  [
    "B4 a path for a name",
    "version: 1\nname: ../web-tests\nrootfs: a\n",
    "2:7+12 not a name | a-z, 0-9, _ and -, at most 63, a letter or digit first",
  ],
  [
    "a name from a variable",
    "version: 1\nname: ${N}\nrootfs: a\n",
    "2:7+4 a name without variables | a-z, 0-9, _ and -, at most 63, a letter or digit first",
  ],
  ["a list for a file", "- a\n- b\n", "1:1+3 not an environment | keys with values: version: …"],
  ["a word for a file", "hello\n", "1:1+5 not an environment | keys with values: version: …"],
];

for (const [title, text, ...expected] of heads) {
  test(title, () => assert.deepEqual(complaints(text), expected));
}

test("E5, E27 and the like have codes of their own", () => {
  const code = (added: string): string | undefined => read(HEAD + added).diagnostics[0]?.code;
  assert.equal(code("limits: { memory: x }\n"), "bad_size");
  assert.equal(code("lower: x\n"), "unknown_key");
  assert.equal(code("volumes: [a]\n"), "bad_value");
  assert.equal(code("limits: { memory: ${X} }\n"), "yaml");
  assert.equal(code('limits: { memory: "${X}" }\n'), "unset_variable");
  assert.equal(code('limits: { memory: "${X" }\n'), "bad_variable");
  assert.equal(code("volumes: [a:/b, c:/b]\n"), "conflict");
  assert.equal(code("tmpfs: [{ size: 1M }]\n"), "missing_key");
  assert.equal(code("lowers: 1\n"), "wrong_type");
});
