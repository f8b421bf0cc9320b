import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { needs } from "#test/needs";
import { faulting } from "#test/elf";
import { readElf, type Elf } from "#sources/elf";
import type { Slice } from "#sources/slice";

const sliceOf =
  (bytes: Uint8Array): Slice =>
  (offset, length) =>
    bytes.subarray(offset, offset + length);

const read = (bytes: Uint8Array): ReturnType<typeof readElf> => readElf(sliceOf(bytes));

function elf(path: string): Elf {
  const found = read(readFileSync(path));
  assert.ok(typeof found === "object", `${path}: ${String(found)}`);
  return found;
}

test("what this Node needs is what readelf says of it", needs("program:readelf"), () => {
  const { stdout } = spawnSync("readelf", ["-dlW", process.execPath], { encoding: "utf8" });
  const found = elf(process.execPath);
  assert.deepEqual(
    found.needed,
    [...stdout.matchAll(/\(NEEDED\)\s+Shared library: \[(.+)\]/g)].map(([, name]) => name),
  );
  assert.equal(found.interpreter, /program interpreter: (\S+)\]/.exec(stdout)?.[1]);
  assert.equal(found.bits, 64);
});

test("a run path is split at its colons", needs("program:gcc"), (t) => {
  const out = `${process.env["TMPDIR"] ?? "/tmp"}/envctl-elf-${process.pid}`;
  t.after(() => spawnSync("rm", ["-f", out]));
  const made = (flag: string): Elf => {
    const args = ["-x", "c", "-", "-o", out, `-Wl,${flag}`, "-Wl,-rpath,$ORIGIN/../lib:/opt/lib"];
    const { status, stderr } = spawnSync("gcc", args, { input: "int main(){return 0;}", encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return elf(out);
  };
  assert.deepEqual(made("--enable-new-dtags").runpath, ["$ORIGIN/../lib", "/opt/lib"]);
  assert.deepEqual(made("--disable-new-dtags").rpath, ["$ORIGIN/../lib", "/opt/lib"]);
});

test(
  "a static program needs nothing",
  { skip: faulting("SIGILL") === undefined && "needs x64 or arm64" },
  () => {
    const found = read(faulting("SIGILL")!);
    assert.deepEqual(typeof found === "object" && [found.interpreter, found.needed], [undefined, []]);
  },
);

test("other files are none", () => {
  for (const text of ["", "\x7f", "\x7fEL", "#!/bin/sh\n", "ELF\x7f"])
    assert.equal(read(Buffer.from(text, "latin1")), "none");
});

/** A program of two segments: what is mapped, and a dynamic section that says what the caller wants. */
function crafted(
  entries: readonly (readonly [tag: number, value: bigint])[],
  more: Partial<Header> = {},
): Buffer {
  const { count, start, size } = { count: 2, start: 64n, size: 0x400n, ...more };
  const file = Buffer.alloc(0x400);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(start, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(count, 56);
  const segment = (at: number, type: number, offset: bigint, address: bigint, length: bigint): void => {
    file.writeUInt32LE(type, at);
    for (const [i, value] of [offset, address, address, length, length].entries())
      file.writeBigUInt64LE(value, at + 8 + i * 8);
  };
  segment(64, 1, 0n, 0x1000n, size);
  segment(120, 2, 0x100n, 0x1100n, BigInt(16 * entries.length));
  for (const [i, [tag, value]] of entries.entries()) {
    file.writeBigUInt64LE(BigInt(tag), 0x100 + 16 * i);
    file.writeBigUInt64LE(value, 0x108 + 16 * i);
  }
  file.write("\0libx.so.1\0", 0x300, "latin1");
  return file;
}
type Header = { readonly count: number; readonly start: bigint; readonly size: bigint };
const [NEEDED, STRTAB] = [1, 5];

test("a crafted one is read, and each lie in it is found", () => {
  const good = read(
    crafted([
      [NEEDED, 1n],
      [STRTAB, 0x1300n],
      [0, 0n],
    ]),
  );
  assert.deepEqual(typeof good === "object" && good.needed, ["libx.so.1"]);
  const lies: readonly Buffer[] = [
    crafted([[NEEDED, 1n]]), // no string table
    crafted([
      [NEEDED, 1n],
      [STRTAB, 0x9000n],
    ]), // one that is mapped nowhere
    crafted([
      [NEEDED, 0x500n],
      [STRTAB, 0x1300n],
    ]), // a name past the end
    crafted([
      [NEEDED, 1n],
      [STRTAB, 0xffffffffffffffffn],
    ]),
    crafted(
      [
        [NEEDED, 1n],
        [STRTAB, 0x1300n],
      ],
      { start: 0x3f0n },
    ), // headers past the end
    crafted(
      [
        [NEEDED, 1n],
        [STRTAB, 0x1300n],
      ],
      { start: 1n << 60n },
    ),
    crafted([], { count: 65535 }),
  ];
  assert.deepEqual(
    lies.map(read),
    lies.map(() => "broken"),
  );
});

test("wherever it is cut off, it is read or refused", () => {
  const whole = readFileSync(process.execPath).subarray(0, 1 << 16);
  for (let length = 0; length < 2048; length++) {
    const found = read(whole.subarray(0, length));
    if (length >= 4 && length < 64) assert.equal(found, "broken", `${length} bytes`);
  }
});

test("damaged at random, it never throws and never runs away", () => {
  const program = Buffer.from(readFileSync(process.execPath).subarray(0, 8192));
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(program);
    for (let i = 0; i <= random(8); i++) bytes[4 + random(round % 2 === 0 ? 60 : 1024)] = random(256);
    let asked = 0;
    const found = readElf((offset, length) => {
      assert.ok(Number.isSafeInteger(offset) && offset >= 0 && length <= 1 << 20 && ++asked < 15_000);
      return bytes.subarray(offset, offset + length);
    });
    assert.ok(found !== "none");
  }
});
