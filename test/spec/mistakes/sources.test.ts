import { mistakes } from "../support.ts";

const KINDS = "exactly one of dir, archive, host, oci, image, debian, squashfs, erofs or from";

mistakes([
  ["two sources", "lowers:\n  - { dir: a, oci: b }\n", `5:15+3 a second source | ${KINDS}`],
  ["no source", "lowers:\n  - { }\n", `5:5+3 no source | ${KINDS}`],
  ["an empty item", "lowers:\n  -\n", "5:4+1 no value | the path of a directory or archive, or { dir: … }"],
  [
    "an unknown kind of source",
    "lowers:\n  - { tarball: a }\n",
    '5:7+7 unknown key "tarball" | known: dir, archive, host, oci, image, debian, squashfs, erofs, from, sha256',
  ],
  ["a number for a path", "lowers: [12]\n", '4:10+2 not a source | put it in quotes: "12"'],
  [
    "an empty path",
    'lowers: [""]\n',
    "4:10+2 not a source | the path of a directory or archive, or { dir: … }",
  ],
  [
    "a short digest",
    "lowers:\n  - { archive: a, sha256: abc }\n",
    "5:27+3 not a sha256 | 64 hex digits, as sha256sum prints them",
  ],
  [
    "a digest of a directory",
    `lowers:\n  - { dir: a, sha256: ${"0a".repeat(32)} }\n`,
    "5:15+6 sha256 without an archive | only an archive is checked against it",
  ],
  ["no host programs", "lowers:\n  - host: []\n", "5:11+2 an empty list | such as [/bin/bash, /bin/ls]"],
  [
    "a host program by name",
    "lowers:\n  - host: [bash]\n",
    "5:12+4 not a host program | an absolute path: /bin/ls",
  ],
  [
    "extras without programs",
    "lowers:\n  - host: { nss: true }\n",
    '5:11+13 missing key "programs" | such as programs: [/bin/bash, /bin/ls]',
  ],
  [
    "a locale with a slash",
    "lowers:\n  - host: { programs: [/bin/ls], locales: [../C] }\n",
    "5:44+4 not a locale | as locale -a prints it, such as C.UTF-8",
  ],
  [
    "a suite that a tool would take for an option",
    "lowers:\n  - debian: { suite: --help }\n",
    "5:22+6 not a suite | such as bookworm",
  ],
  [
    "a bootstrap of nothing",
    "lowers:\n  - debian: { include: [curl] }\n",
    '5:13+19 missing key "suite" | such as suite: bookworm',
  ],
  [
    "a mirror that is no URL",
    "lowers:\n  - debian: { suite: sid, mirror: deb.example }\n",
    "5:35+11 not a mirror | a URL: https://…",
  ],
  ["a snapshot without a name", "lowers:\n  - from: web-tests\n", "5:11+9 not a snapshot | ENV@SNAPSHOT"],
  [
    "an image with a blank",
    "lowers:\n  - image: a b\n",
    "5:12+3 not an image | such as registry.example/alpine:3.20",
  ],

  ["a misspelt upper", "overlay: { upper: dsk }\n", '4:19+3 not disk or none | did you mean "disk"?'],
  [
    "an upper unlike any",
    "overlay: { upper: memory }\n",
    "4:19+6 not disk or none | write disk or none, or { tmpfs: 512MiB }",
  ],
  [
    "an upper without its size",
    "overlay: { upper: { } }\n",
    '4:19+3 missing key "tmpfs" | such as tmpfs: 512MiB',
  ],
  ["true for on", "overlay: { options: { index: true } }\n", "4:30+4 not on or off | write on or off"],
  [
    "on for true",
    "overlay: { options: { volatile: on } }\n",
    "4:33+2 not true or false | write true or false",
  ],
  [
    "true in quotes",
    'overlay: { options: { volatile: "true" } }\n',
    "4:33+6 not true or false | write it without quotes: true",
  ],
]);
