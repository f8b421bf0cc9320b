import assert from "node:assert/strict";
import test from "node:test";
import { readLimits } from "#observe/limits";

const ALL = ["memory", "cpuset", "cpu", "pids"];
const read = (
  version: 1 | 2,
  files: Readonly<Record<string, string>>,
  controllers: readonly string[] = ALL,
): unknown => readLimits(version, controllers, (name) => files[name]);

test("E4 v1 values come back as they were declared", () => {
  const files = {
    "memory.limit_in_bytes": "104857600\n",
    "memory.memsw.limit_in_bytes": "157286400\n",
    "cpuset.cpus": "0-1,3\n",
    "cpuset.mems": "0\n",
    "cpu.cfs_quota_us": "150000\n",
    "cpu.cfs_period_us": "100000\n",
    "cpu.shares": "512\n",
    "pids.max": "128\n",
  };
  assert.deepEqual(read(1, files), {
    memory: "104857600",
    swap: "52428800",
    cpuset: "0-1,3",
    cpuset_mems: "0",
    cpus: "1.5",
    cpu_shares: "512",
    pids: "128",
  });
  assert.deepEqual(read(1, { ...files, "memory.memsw.limit_in_bytes": "104857600\n" }, ["memory"]), {
    memory: "104857600",
    swap: "0",
  });
});

test("v1: what is not limited is absent", () => {
  const max = "9223372036854771712\n";
  const files = {
    "memory.limit_in_bytes": max,
    "memory.memsw.limit_in_bytes": max,
    "cpuset.cpus": "\n",
    "cpuset.mems": "\n",
    "cpu.cfs_quota_us": "-1\n",
    "cpu.cfs_period_us": "100000\n",
    "cpu.shares": "1024\n",
    "pids.max": "max\n",
  };
  assert.deepEqual(read(1, files), { cpu_shares: "1024" });
  assert.deepEqual(read(1, { ...files, "memory.limit_in_bytes": "4096\n" }, ["memory"]), { memory: "4096" });
  assert.deepEqual(
    read(1, { ...files, "memory.limit_in_bytes": "9223372036854710272\n" }, ["memory"]),
    {},
    "pages of 64 KiB",
  );
  assert.deepEqual(read(1, {}), {});
});

test("v2 values; a weight comes back as shares that give it", () => {
  const files = {
    "memory.max": "104857600\n",
    "memory.swap.max": "0\n",
    "cpuset.cpus": "0\n",
    "cpuset.mems": "\n",
    "cpu.max": "33333 100000\n",
    "cpu.weight": "100\n",
    "pids.max": "max\n",
  };
  assert.deepEqual(read(2, files), {
    memory: "104857600",
    swap: "0",
    cpuset: "0",
    cpus: "0.33333",
    cpu_shares: "1024",
  });
  assert.deepEqual(
    read(2, { "memory.max": "max\n", "memory.swap.max": "max\n", "cpu.max": "max 100000\n" }),
    {},
  );
});

test("E10 every v2 weight is reached again from the shares it is shown as", () => {
  // runc's formula, as the planner writes it.
  const weightOf = (shares: number): number => {
    const l = Math.log2(shares);
    return Math.min(10000, Math.max(1, Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34))));
  };
  for (let weight = 1; weight <= 10000; weight++) {
    const { cpu_shares } = readLimits(2, ["cpu"], (name) =>
      name === "cpu.weight" ? `${weight}` : undefined,
    );
    assert.equal(weightOf(Number(cpu_shares)), weight, `weight ${weight}, shares ${cpu_shares}`);
  }
});

test("controllers that are not in the hierarchy are not asked", () => {
  const asked: string[] = [];
  readLimits(1, ["pids"], (name) => void asked.push(name));
  assert.deepEqual(asked, ["pids.max"]);
});
