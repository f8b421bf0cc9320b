import { mistakes } from "../support.ts";

const SHORT = "write host:container[:ro|rw], such as ../src:/work:ro";
const INNER = "an absolute path inside: /work";

mistakes([
  ["E27 a volume of one part", "volumes:\n  - a\n", `5:5+1 not a volume | ${SHORT}`],
  ["E27 a volume without target", 'volumes:\n  - "a:"\n', `5:5+4 not a volume | ${SHORT}`],
  ["E27 the same without quotes, to YAML a mapping", "volumes:\n  - a:\n", `5:5+1 not a volume | ${SHORT}`],
  ["E27 a volume without source", "volumes:\n  - :b\n", `5:5+2 not a volume | ${SHORT}`],
  ["E27 a volume without access after the colon", 'volumes: ["a:/b:"]\n', `4:11+7 not a volume | ${SHORT}`],
  ["a blank after the colon of a volume", "volumes:\n  - ../src: /work\n", `5:5+6 not a volume | ${SHORT}`],
  ["a list for a volume", "volumes:\n  - [a, /b]\n", `5:5+7 not a volume | ${SHORT}`],
  ["a mapping for volumes", "volumes:\n  ../src: /work\n", "5:3+6 not a list | a list: - ../src:/work:ro"],
  [
    "an access that is none",
    "volumes:\n  - a:/b:rx\n",
    "5:10+2 not ro or rw | write ro or rw; a path with a colon needs { source: …, target: … }",
  ],
  [
    "a path with a colon",
    "volumes:\n  - a:b:/c:ro\n",
    "5:9+5 not ro or rw | write ro or rw; a path with a colon needs { source: …, target: … }",
  ],
  ["a relative target", "volumes:\n  - a:b\n", `5:7+1 not an absolute path | ${SHORT}`],
  [
    "a relative target, long form",
    "volumes:\n  - { source: a, target: b }\n",
    `5:26+1 not an absolute path | ${INNER}`,
  ],
  ["a target with ..", "volumes:\n  - a:/b/../c\n", '5:7+7 a path with ".." | write where it leads'],
  [
    "the root as a target",
    "volumes:\n  - a:/\n",
    "5:7+1 not a place for a mount | the root is the overlay itself",
  ],
  [
    "the root by another name",
    "tmpfs:\n  - { target: //./ }\n",
    "5:15+4 not a place for a mount | the root is the overlay itself",
  ],
  [
    "targets that a run mounts over",
    "volumes:\n  - a:/proc\n  - b:/sysroot\ntmpfs:\n  - { target: /dev//shm }\n",
    "5:7+5 not a place for a mount | every run has a /proc of its own, which would hide it",
    "8:15+9 not a place for a mount | every run has a /dev of its own, which would hide it",
  ],
  [
    "a target twice",
    "volumes:\n  - a:/b\n  - c:/b/\n",
    "6:7+3 a second mount at /b | the first is in line 5",
  ],
  [
    "a target of volume and tmpfs",
    "tmpfs:\n  - { target: /b }\nvolumes:\n  - c:/b\n",
    "7:7+2 a second mount at /b | the first is in line 5",
  ],
  [
    "a volume without keys",
    "volumes:\n  - { source: a }\n",
    '5:5+13 missing key "target" | such as target: /work',
  ],
  [
    "a key misspelt, and missing for that reason alone",
    "volumes:\n  - { source: a, traget: /b }\n",
    '5:18+6 unknown key "traget" | did you mean "target"?',
  ],
  [
    "options against each other",
    "volumes:\n  - { source: a, target: /b, options: [suid, nosuid] }\n",
    "5:39+14 nosuid and suid exclude each other | keep one of them",
  ],
  [
    "an unknown option",
    "volumes:\n  - { source: a, target: /b, options: [noatime] }\n",
    "5:40+7 not nosuid, nodev, noexec, suid, dev or exec | write nosuid, nodev, noexec, suid, dev or exec",
  ],
  [
    "an option by one letter",
    "volumes:\n  - { source: a, target: /b, options: [nosiud] }\n",
    '5:40+6 not nosuid, nodev, noexec, suid, dev or exec | did you mean "nosuid"?',
  ],
  ["a home", "volumes:\n  - ~/x:/b\n", "5:5+3 ~ is not expanded | write ${HOME}/x"],
  [
    "an owner that is none",
    "volumes:\n  - { source: a, target: /b, owner: root }\n",
    "5:37+4 not caller | write caller",
  ],
  [
    "a mode that is not octal",
    "tmpfs:\n  - { target: /t, mode: 888 }\n",
    "5:25+3 not a mode | octal digits as for chmod: 1777",
  ],
  ["a tmpfs without bound", "tmpfs:\n  - { target: /t, size: 0 }\n", "5:25+1 too small | 4 KiB at least"],
]);
