import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import type { Check } from "#model/doctor";
import { doctorText } from "#views/doctor";

const look = { color: false, columns: 60, unicode: true, cwd: "/" as AbsPath };
const ok: Check = { name: "overlay", status: "yes", found: "with index", essential: true };
const less: Check = {
  name: "mount_ids",
  status: "degraded",
  found: "reused ones only",
  effect: "inodes are compared too",
  fix: "a kernel of 6.8 or later",
};
const none: Check = {
  name: "openat2",
  status: "no",
  found: "not in this kernel",
  effect: "nothing works",
  fix: "Linux 5.6",
  essential: true,
};

test("a line a probe, and beneath what is not well what to do about it", () => {
  assert.equal(
    doctorText({ kernel: "6.1", rootless: false, checks: [ok, less] }, look),
    [
      "Linux 6.1",
      "",
      "  ✔ overlay    with index",
      "  ~ mount_ids  reused ones only",
      "               inodes are compared too",
      "               fix: a kernel of 6.8 or later",
      "",
      "Environments can be applied here; 1 degraded.",
      "",
    ].join("\n"),
  );
});

test("an essential no is the verdict", () => {
  assert.match(
    doctorText({ kernel: "5.4", rootless: false, checks: [ok, none] }, look),
    /✘ openat2 .*\n.*nothing works\n.*fix: Linux 5\.6\n\nEnvironments cannot be applied here/,
  );
  assert.match(
    doctorText({ kernel: "6.18", rootless: false, checks: [ok] }, look),
    /Everything works here\./,
  );
});

test("an ordinary user is told that what works is run --rm", () => {
  assert.match(
    doctorText({ kernel: "6.18", rootless: true, checks: [ok, less] }, look),
    /\nEnvironments can be run here \(run --rm\); to apply them needs root; 1 degraded\.\n$/,
  );
});
