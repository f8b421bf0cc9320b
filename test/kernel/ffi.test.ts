import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import test from "node:test";
import { needs } from "#test/needs";
import { scratch } from "./fixture.ts";

/** Elsewhere than on x86_64 it lies in /lib. */
const LOADER = "/lib64/ld-linux-x86-64.so.2";

/** A root without /lib, as NixOS and Guix have it; `$1` is where this project lies, the rest is a command. */
const WITHOUT_LIB = `set -e
mount -t tmpfs none "$0"; cd "$0"; project=$1; shift
for at in /usr /etc /proc "$project"; do mkdir -p ".$at"; mount --rbind "$at" ".$at"; done
ln -s usr/bin bin; mkdir lib64; cp -L ${LOADER} lib64
exec chroot . /bin/sh -c 'cd "$0" && exec "$@"' "$project" "$@"`;

test("the kernel can be called where there is no /lib", needs("root", "mounts"), (t) => {
  if (!existsSync(LOADER)) return;
  const script = `import { geteuid } from "#kernel/syscalls-process"; console.log(geteuid());`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const words = [
    "-m",
    "--propagation",
    "private",
    "sh",
    "-c",
    WITHOUT_LIB,
    scratch(t),
    process.cwd(),
    ...node,
  ];
  const { stdout, stderr } = spawnSync("unshare", words, { encoding: "utf8" });
  assert.equal(stdout, "0\n", stderr);
});
