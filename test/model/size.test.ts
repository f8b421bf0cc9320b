import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { formatBytes, parseBytes } from "#model/size";

test("E4 a number with K, M, G or T, in any case, with or without i and B: powers of 1024", () => {
  assert.equal(parseBytes("100MiB"), 104_857_600n);
  for (const text of [
    "256m",
    "256M",
    "256Mi",
    "256mi",
    "256mb",
    "256MB",
    "256MiB",
    "256mib",
    "256 MiB",
    " 256MiB ",
  ]) {
    assert.equal(parseBytes(text), 256n << 20n, text);
  }
  assert.deepEqual(["1", "1b", "1 B", "0", "2k", "3G", "1T"].map(parseBytes), [
    1n,
    1n,
    1n,
    0n,
    2048n,
    3n << 30n,
    1n << 40n,
  ]);
  assert.deepEqual(["1.5K", "0.5G", "1.000000001k"].map(parseBytes), [1536n, 512n << 20n, 1024n]);
});

test("E5 everything else is no size", () => {
  const wrong = [
    "",
    " ",
    "abc",
    "100mb!",
    "-1",
    "+1",
    "1e999",
    "1e3",
    "0x10",
    "256 megs",
    "1.5",
    "1.",
    ".5K",
    "1K1",
    "K",
    "1ib",
    "1i",
    "1,5K",
    "1_000",
    "Infinity",
    "NaN",
    "٣K",
    "1 0K",
    "1\nK K",
  ];
  for (const text of wrong) assert.equal(parseBytes(text), undefined, text);
});

test("the largest size is what JSON can say: 2^53-1 bytes", () => {
  assert.equal(parseBytes("9007199254740991"), 2n ** 53n - 1n);
  assert.equal(parseBytes("9007199254740992"), undefined);
  assert.equal(parseBytes("8191T"), 8191n << 40n);
  assert.equal(parseBytes("8192T"), undefined);
  assert.equal(parseBytes("9".repeat(400)), undefined);
});

test("any number of any unit comes out exactly", () => {
  const units = fc.constantFrom(["", 0n], ["k", 10n], ["MiB", 20n], ["gB", 30n]) as fc.Arbitrary<
    readonly [string, bigint]
  >;
  fc.assert(
    fc.property(fc.nat({ max: 8_000_000 }), units, (amount, [unit, shift]) => {
      assert.equal(parseBytes(`${amount}${unit}`), BigInt(amount) << shift);
    }),
  );
});

test("bytes for people", () => {
  assert.deepEqual([0, 1023, 1024, 1536, 87_136_666n, "536870912"].map(formatBytes), [
    "0 B",
    "1023 B",
    "1 KiB",
    "1.5 KiB",
    "83.1 MiB",
    "512 MiB",
  ]);
  assert.equal(formatBytes(2n ** 60n), "1024 PiB");
});
