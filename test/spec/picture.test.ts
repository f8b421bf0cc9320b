import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { diagnostics } from "#views/diagnostics";
import { read } from "./support.ts";

const FILE = `version: 1
name: web-tests
rootfs: ../rootfs
lower:
  - ../layers/tools
volumes:
  - ../src:/work:ro

limits:
  memory: 256 megs
  cpuset: 0-1
`;

test("mistakes look as they should in a terminal", () => {
  const look = { color: false, columns: 80, unicode: true, cwd: "/" as AbsPath };
  assert.equal(
    diagnostics(read(FILE).diagnostics, look),
    `envs/web-tests.yaml:4:1: unknown key "lower"
   4 | lower:
     | ^^^^^ did you mean "lowers"?

envs/web-tests.yaml:10:11: not a size
  10 |   memory: 256 megs
     |           ^^^^^^^^ a number with K, M or G (powers of 1024): 256MiB

2 errors in 1 file. Nothing was changed.
`,
  );
});
