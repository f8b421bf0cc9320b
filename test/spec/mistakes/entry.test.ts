import { mistakes } from "../support.ts";

const INNER = "an absolute path inside: /work";

mistakes([
  ["an empty command", "entry:\n  command: []\n", "5:12+2 an empty list | such as [make, test]"],
  [
    "a command without a name",
    'entry:\n  command: [""]\n',
    "5:12+4 a command without a name | such as [make, test]",
  ],
  [
    "a blank command",
    'entry:\n  command: " "\n',
    "5:12+3 not a command | a list such as [make, test], or a line for /bin/sh",
  ],
  [
    "a mapping for a command",
    "entry:\n  command: { run: make }\n",
    "5:12+13 not a list | a list: [make, test]",
  ],
  [
    "an argument of nothing",
    "entry:\n  command: [a, ~]\n",
    '5:16+1 no value | text; "" for an empty argument',
  ],
  [
    "an argument with NUL",
    'entry:\n  command: [a, "\\0"]\n',
    "5:16+4 a character the kernel cannot take | no NUL and no half of a character",
  ],
  [
    "half a character",
    'entry:\n  command: ["\\ud800"]\n',
    "5:13+8 a character the kernel cannot take | no NUL and no half of a character",
  ],
  [
    "an env item that is no variable",
    "entry:\n  env: [=x]\n",
    "5:9+2 not a variable | write NAME=value, or NAME alone to pass it through",
  ],
  [
    "an env item with blanks",
    "entry:\n  env: [A = x]\n",
    "5:9+5 not a variable | write NAME=value, or NAME alone to pass it through",
  ],
  ["an env name twice", "entry:\n  env: [A=1, A]\n", "5:14+1 a second variable A | keep one of them"],
  [
    "an env key that is no name",
    "entry:\n  env:\n    A B: 1\n",
    "6:5+3 not a variable's name | letters, digits and _ . -",
  ],
  [
    "a name that JavaScript takes for something else",
    "entry:\n  env: { __proto__: x }\n",
    "5:10+9 not a variable's name | letters, digits and _ . -",
  ],
  [
    "the same in a list",
    "entry:\n  env: [__proto__=x]\n",
    "5:9+11 not a variable | write NAME=value, or NAME alone to pass it through",
  ],
  [
    "a list as an env value",
    "entry:\n  env:\n    A: [1]\n",
    "6:8+3 not text | one value: a list or mapping cannot be handed over",
  ],
  ["a string for env", "entry:\n  env: A=1\n", "5:8+3 not a list | a list: [CI=1, TOKEN]"],
  ["a relative workdir", "entry:\n  workdir: src\n", `5:12+3 not an absolute path | ${INNER}`],
  [
    "a user of three parts",
    "entry:\n  user: a:b:c\n",
    "5:9+5 not a user | USER or USER:GROUP, names or numbers: 1000:1000",
  ],
  [
    "a hostname with a blank",
    "entry:\n  hostname: a b\n",
    "5:13+3 not a hostname | letters, digits, _ . and -, at most 64",
  ],
  ["a network that is none", "entry:\n  network: bridge\n", "5:12+6 not none or host | write none or host"],
  ["an init that is a word", "entry:\n  init: yes\n", "5:9+3 not true or false | write true or false"],
  [
    "a misspelt capability",
    "entry:\n  capabilities: { drop: [NET_RAV] }\n",
    '5:26+7 not a capability | did you mean "NET_RAW"?',
  ],
  [
    "two checks",
    "entry:\n  ready: { tcp: 80, file: /x }\n",
    "5:21+4 a second check | exactly one of tcp, exec or file",
  ],
  ["no check", "entry:\n  ready: { timeout: 3s }\n", "5:10+15 no check | exactly one of tcp, exec or file"],
  ["a port out of range", "entry:\n  ready: { tcp: 70000 }\n", "5:17+5 out of range | 1 to 65535"],
  [
    "a duration without unit",
    "entry:\n  ready: { tcp: 80, timeout: 30 }\n",
    "5:30+2 not a duration | a number with ms, s, m or h: 30s",
  ],
]);
