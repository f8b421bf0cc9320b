import assert from "node:assert/strict";
import test from "node:test";
import { CAPABILITIES, capabilitiesOf, DEFAULT_CAPABILITIES, holds } from "#model/capabilities";

const EVERYTHING = -1n;
const of = (
  drop: readonly string[],
  add: readonly string[],
  network: "none" | "host" = "none",
  held = EVERYTHING,
): ReturnType<typeof capabilitiesOf> => capabilitiesOf({ capabilities: { drop, add }, network }, held);

test("names stand at their bits of <linux/capability.h>", () => {
  assert.equal(CAPABILITIES.length, 41);
  const bits = ["CHOWN", "NET_RAW", "SYS_ADMIN", "MKNOD", "SETFCAP", "CHECKPOINT_RESTORE"].map((name) =>
    CAPABILITIES.indexOf(name),
  );
  assert.deepEqual(bits, [0, 13, 21, 27, 31, 40]);
  assert.deepEqual([holds(1n << 13n, "NET_RAW"), holds(1n << 13n, "CHOWN")], [true, false]);
});

test("the usual set has nothing that reaches the host", () => {
  const { bounding, ambient } = of([], []);
  assert.deepEqual([...bounding].sort(), [...DEFAULT_CAPABILITIES].sort());
  assert.deepEqual(ambient, []);
  const reaching = ["SYS_ADMIN", "MKNOD", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "SYS_PTRACE", "BPF"];
  assert.deepEqual(
    reaching.filter((name) => bounding.includes(name)),
    [],
  );
});

test("drop and add, ALL in either, and what the caller lacks", () => {
  assert.equal(of(["NET_RAW"], []).bounding.includes("NET_RAW"), false);
  assert.deepEqual(of(["ALL"], ["SYS_TIME", "CHOWN"]), {
    bounding: ["CHOWN", "SYS_TIME"],
    ambient: ["CHOWN", "SYS_TIME"],
  });
  assert.deepEqual(
    of(["SYS_ADMIN"], ["ALL"]).bounding,
    CAPABILITIES.filter((name) => name !== "SYS_ADMIN"),
  );
  assert.deepEqual(of([], ["ALL"], "none", 0b1001n), {
    bounding: ["CHOWN", "FOWNER"],
    ambient: ["CHOWN", "FOWNER"],
  });
});

test("the host's network takes raw sockets away, unless they are asked for", () => {
  assert.equal(of([], [], "host").bounding.includes("NET_RAW"), false);
  assert.equal(of([], ["NET_RAW"], "host").bounding.includes("NET_RAW"), true);
});
