import type { AbsPath } from "#model/brand";
import { formatCpuList, parseCpuList } from "#model/cpulist";
import type { Issue } from "#model/facts";
import type { Limits } from "#model/spec";
import type { Reader } from "#ports/reader";

const SETS = [
  { key: "cpuset", file: "/sys/devices/system/cpu/online", what: "CPUs" },
  { key: "cpuset_mems", file: "/sys/devices/system/node/online", what: "memory nodes" },
] as const;

/** CPUs and memory nodes a file names beyond what this host has online (row E7). */
export function missingCpus(reader: Reader, limits: Limits): readonly Issue[] {
  const issues: Issue[] = [];
  for (const { key, file, what } of SETS) {
    const declared = limits[key];
    if (declared === undefined) continue;
    const online = parseCpuList(reader.textAny(file as AbsPath) ?? "0") ?? [0];
    const absent = (parseCpuList(declared) ?? []).filter((n) => !online.includes(n));
    if (absent.length === 0) continue;
    issues.push({
      path: ["limits", key],
      severity: "error",
      code: "no_cpu",
      summary: `this host has ${what} ${formatCpuList(online)} only`,
    });
  }
  return issues;
}
