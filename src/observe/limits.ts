import type { AbsPath } from "#model/brand";
import { formatCpuList, parseCpuList } from "#model/cpulist";
import type { LimitName } from "#model/resource";

type Values = Partial<Record<LimitName, string>>;
/** Reads one control file of a group; undefined where there is none. */
export type ControlFile = (name: string) => string | undefined;

/** PAGE_COUNTER_MAX in bytes on 64 bits is LONG_MAX rounded down to a page (at most 64 KiB): no limit (mm/page_counter.c). */
const UNLIMITED = 2n ** 63n - 65536n;

/**
 * What a group limits, in the form of Limit.value; what is not limited is absent. cpu_shares always has a value; on v2 it is a number of
 * shares that gives the weight read. Sources: Documentation/admin-guide/cgroup-v1/, cgroup-v2.rst.
 */
export function readLimits(
  version: 1 | 2,
  controllers: readonly string[],
  file: ControlFile,
): Readonly<Values> {
  const all = version === 1 ? v1(controllers, file) : v2(controllers, file);
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

type Loose = { readonly [name in LimitName]?: string | undefined };

function v1(controllers: readonly string[], file: ControlFile): Loose {
  const has = (name: string): boolean => controllers.includes(name);
  const memory = has("memory") ? bytes(file("memory.limit_in_bytes")) : undefined;
  const sum = has("memory") ? bytes(file("memory.memsw.limit_in_bytes")) : undefined;
  return {
    memory,
    // memsw holds memory plus swap; without a limit on memory the difference says nothing.
    swap: memory === undefined || sum === undefined ? undefined : `${BigInt(sum) - BigInt(memory)}`,
    cpuset: has("cpuset") ? list(file("cpuset.cpus")) : undefined,
    cpuset_mems: has("cpuset") ? list(file("cpuset.mems")) : undefined,
    cpus: has("cpu") ? cpus(file("cpu.cfs_quota_us"), file("cpu.cfs_period_us")) : undefined,
    cpu_shares: has("cpu") ? number(file("cpu.shares")) : undefined,
    pids: has("pids") ? number(file("pids.max")) : undefined,
  };
}

function v2(controllers: readonly string[], file: ControlFile): Loose {
  const has = (name: string): boolean => controllers.includes(name);
  const [quota, period] = has("cpu") ? (file("cpu.max") ?? "").trim().split(/\s+/) : [];
  const weight = has("cpu") ? number(file("cpu.weight")) : undefined;
  return {
    memory: has("memory") ? bytes(file("memory.max")) : undefined,
    swap: has("memory") ? bytes(file("memory.swap.max")) : undefined,
    cpuset: has("cpuset") ? list(file("cpuset.cpus")) : undefined,
    cpuset_mems: has("cpuset") ? list(file("cpuset.mems")) : undefined,
    cpus: cpus(quota, period),
    cpu_shares: weight === undefined ? undefined : sharesOf(Number(weight)),
    pids: has("pids") ? number(file("pids.max")) : undefined,
  };
}

/** A decimal number; `max`, -1 and what is missing are no limit. */
function number(text: string | undefined): string | undefined {
  const value = text?.trim() ?? "";
  return /^\d+$/.test(value) ? value : undefined;
}

function bytes(text: string | undefined): string | undefined {
  const value = number(text);
  return value === undefined || BigInt(value) >= UNLIMITED ? undefined : value;
}

function list(text: string | undefined): string | undefined {
  const cpuList = parseCpuList(text ?? "");
  return cpuList === undefined ? undefined : formatCpuList(cpuList);
}

/** CPUs' worth of time, to a millionth. */
function cpus(quota: string | undefined, period: string | undefined): string | undefined {
  const [q, p] = [number(quota), number(period)];
  return q === undefined || p === undefined || p === "0"
    ? undefined
    : `${Number((Number(q) / Number(p)).toFixed(6))}`;
}

/** The reverse of runc's formula weight = ceil(10^((l²+125l)/612 − 7/34)), l = log2(shares); 100 → 1024. */
function sharesOf(weight: number): string {
  const y = Math.log10(weight) + 7 / 34;
  const l = (-125 + Math.sqrt(125 * 125 + 4 * 612 * y)) / 2;
  // Rounded down, so that the formula's rounding up leads back to the weight.
  return `${Math.min(262144, Math.max(2, Math.floor(2 ** l + 1e-6)))}`;
}

/** The file that tells how much memory a group uses now, in bytes. */
export function memoryUseFile(version: 1 | 2): string {
  return version === 1 ? "memory.usage_in_bytes" : "memory.current";
}

/** A control file below a group's directory. */
export function controlPath(dir: AbsPath, name: string): AbsPath {
  return `${dir}/${name}` as AbsPath;
}
