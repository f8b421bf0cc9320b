import assert from "node:assert/strict";
import test from "node:test";
import type { AbsPath } from "#model/brand";
import { hostChecks } from "#observe/doctor-host";
import type { Probe } from "#ports/probe";
import type { Reader } from "#ports/reader";

/** A host with these files, on which nothing is installed. */
function checks(files: Readonly<Record<string, string>>): ReturnType<typeof hostChecks> {
  const reader = { uid: 1000, textAny: (path: string) => files[path], stat: () => undefined };
  const probe = {
    program: () => undefined,
    filter: () => ({ missing: "library" }),
    fileSystem: () => ({ type: "ext4", free: 0, readOnly: true }),
  };
  return hostChecks(reader as unknown as Reader, probe as unknown as Probe, "/state" as AbsPath);
}

test("whatever is not there comes with what to do about it", () => {
  for (const { name, status, fix } of checks({}))
    assert.ok(status === "yes" || (fix ?? "") !== "", `${name} is ${status}, and nothing is said to do`);
});

test("subordinate ids that nobody has are the ones to add", () => {
  const fix = (files: Readonly<Record<string, string>>): string | undefined =>
    checks({ "/etc/passwd": "ana:x:1000:1000::/:/bin/sh\n", ...files }).find(
      (c) => c.name === "subordinate_ids",
    )?.fix;
  assert.equal(fix({}), "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ana");
  assert.equal(
    fix({
      "/etc/subuid": "bob:100000:65536\n# eve\n",
      "/etc/subgid": "bob:100000:65536\neve:200000:65536\n",
    }),
    "usermod --add-subuids 265536-331071 --add-subgids 265536-331071 ana",
  );
  assert.equal(
    fix({ "/etc/subuid": "ana:100000:65536\n", "/etc/subgid": "ana:100000:65536\n" }),
    "install uidmap",
  );
});
