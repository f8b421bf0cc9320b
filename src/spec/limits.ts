import { parseCpuList } from "#model/cpulist";
import { formatBytes, parseBytes } from "#model/size";
import type { Limits } from "#model/spec";
import { Complaint, integer, scalar } from "./scalar.ts";
import { may, object } from "./object.ts";
import { convert, fail, type JsonSchema, type Shape } from "./shape.ts";

const SIZE: JsonSchema = {
  anyOf: [
    { type: "integer", minimum: 0 },
    { type: "string", pattern: "^\\d+((\\.\\d+)?\\s*[KMGTkmgt][Ii]?[Bb]?|\\s*[Bb]?)$" },
  ],
};

/** Bytes. `least` is what makes sense where it is used. */
function size(least: bigint): Shape<bigint> {
  return scalar({
    what: "a size",
    write: "a number with K, M or G (powers of 1024): 256MiB",
    code: "bad_size",
    takes: "source",
    schema: SIZE,
    parse(text) {
      const bytes = parseBytes(text);
      return bytes !== undefined && bytes < least
        ? new Complaint("too small", `${formatBytes(least)} at least`, "bad_size")
        : bytes;
    },
  });
}

/** Memory or a tmpfs: a page at least, as the kernel rounds down, and takes 0 of a tmpfs for "no limit" (tmpfs(5)). */
export const memory: Shape<bigint> = size(4096n);

const numberList = (what: string): Shape<string> =>
  scalar({
    what,
    write: "numbers and ranges: 0-1 or 0,2-3",
    takes: "source",
    schema: {
      anyOf: [
        { type: "integer", minimum: 0 },
        { type: "string", pattern: "^[\\d\\s,-]+$" },
      ],
    },
    parse: (text) => (parseCpuList(text) === undefined ? undefined : text),
  });

/** The smallest quota the kernel takes is 1 ms in a period of 100 ms (cgroup v2 cpu.max, v1 cfs_quota_us). */
const cpus = scalar({
  what: "a number of CPUs",
  write: "a number from 0.01 to 8192: 1.5",
  takes: "bare",
  schema: { type: "number", minimum: 0.01, maximum: 8192 },
  parse(text) {
    if (!/^\d{1,6}(\.\d{1,9})?$/.test(text)) return undefined;
    const value = Number(text);
    return value >= 0.01 && value <= 8192 ? value : undefined;
  },
});

const keys = object("limits", {
  memory: may(memory, "Bytes, or a number with K, M or G: powers of 1024"),
  swap: may(size(0n), "In addition to memory; 0 for none"),
  cpuset: may(numberList("a list of CPUs"), "CPUs the processes may run on: 0-1"),
  cpuset_mems: may(numberList("a list of memory nodes"), "Memory nodes; default: those of the parent group"),
  cpus: may(cpus, "CPU time, in CPUs: 1.5"),
  cpu_shares: may(
    integer(2, 262_144),
    "Weight among others that want CPU time: v1 shares, 1024 is the kernel's default",
  ),
  pids: may(integer(1, 4_194_304), "Processes and threads at most"),
});

/** On cgroup v1 swap is what the sum of both leaves over memory: alone it would limit nothing. */
export const limits: Shape<Limits> = {
  schema: { ...keys.schema, dependencies: { swap: ["memory"] } },
  read: convert(keys, (value, node, at): Limits | undefined => {
    if (value.swap === undefined || value.memory !== undefined || node.kind !== "mapping") return value;
    return fail(
      at,
      node.pairs.get("swap")!.key,
      "conflict",
      "swap without memory",
      "it is in addition to memory: set both",
    );
  }).read,
};
