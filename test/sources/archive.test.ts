import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { identify } from "#sources/archive";
import { needs } from "#test/needs";

const kind = (bytes: Uint8Array): ReturnType<typeof identify> =>
  identify((offset, length) => bytes.subarray(offset, offset + length));

const tar = (...options: readonly string[]): Uint8Array =>
  spawnSync("tar", [...options, "-cf", "-", "-C", "/etc", "passwd"], { maxBuffer: 1 << 24 }).stdout;

test(
  "an archive is known by its bytes",
  needs("program:tar", "program:xz", "program:zstd", "program:bzip2"),
  () => {
    for (const format of ["v7", "ustar", "gnu", "pax"]) assert.equal(kind(tar(`--format=${format}`)), "none");
    assert.equal(kind(tar("--gzip")), "gzip");
    assert.equal(kind(tar("--xz")), "xz");
    assert.equal(kind(tar("--zstd")), "zstd");
    assert.equal(kind(tar("--bzip2")), "bzip2");
    assert.equal(kind(new Uint8Array(10240)), "none");
  },
);

test("what is none is told apart", () => {
  const damaged = Buffer.from(tar());
  damaged[0] = 0x41;
  for (const bytes of [
    damaged,
    Buffer.from(""),
    Buffer.from("#!/bin/sh\n"),
    Buffer.alloc(511),
    Buffer.alloc(600, 1),
  ])
    assert.equal(kind(bytes), undefined);
});
