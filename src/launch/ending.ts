import { join, parentOf, type AbsPath } from "#model/brand";
import type { Ending } from "#model/launch";
import type { OomReport } from "#model/outcome";
import type { OwnedCgroup } from "#model/record";
import type { Reader } from "#ports/reader";

/** What the memory controller of a group says now; bytes in decimal, absent where there is no limit or no such file. */
export type MemoryState = {
  readonly kills: number;
  readonly peak?: string;
  readonly limit?: string;
  readonly swap?: string;
};

type TextReader = Pick<Reader, "textAny">;

/** v1 says "no limit" with the largest number of whole pages. */
const V1_UNLIMITED = 0x7ffffffffffff000n - 0x10000n;

function field(text: string | undefined, name: string): number {
  const match = text === undefined ? null : new RegExp(`^${name} (\\d+)$`, "m").exec(text);
  return match === null ? 0 : Number(match[1]);
}

function bytes(text: string | undefined): bigint | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? BigInt(trimmed) : undefined;
}

/** Leaves out what is undefined, so that absent keys stay absent. */
function known(values: { readonly [K in "peak" | "limit" | "swap"]: bigint | undefined }): Omit<
  MemoryState,
  "kills"
> {
  const found = Object.entries(values).filter((entry) => entry[1] !== undefined);
  return Object.fromEntries(found.map(([key, value]) => [key, String(value)]));
}

function v1(read: (file: string) => string | undefined): MemoryState {
  const finite = (value: bigint | undefined): bigint | undefined =>
    value !== undefined && value < V1_UNLIMITED ? value : undefined;
  const limit = finite(bytes(read("memory.limit_in_bytes")));
  const both = finite(bytes(read("memory.memsw.limit_in_bytes")));
  const swap = limit === undefined || both === undefined ? undefined : both - limit;
  const kills = field(read("memory.oom_control"), "oom_kill");
  return { kills, ...known({ limit, swap, peak: bytes(read("memory.max_usage_in_bytes")) }) };
}

function v2(read: (file: string) => string | undefined): MemoryState {
  const kills = field(read("memory.events"), "oom_kill");
  // memory.peak came with Linux 5.19.
  return {
    kills,
    ...known({
      limit: bytes(read("memory.max")),
      swap: bytes(read("memory.swap.max")),
      peak: bytes(read("memory.peak")),
    }),
  };
}

/**
 * The memory controller's word on an environment's groups; undefined where none of them has that controller. A run's own group lies in
 * the environment's, which holds the limits: kills and peak are those of the run.
 */
export function memoryState(reader: TextReader, cgroups: readonly OwnedCgroup[]): MemoryState | undefined {
  const group = cgroups.find((c) => c.controllers.includes("memory"));
  if (group === undefined) return undefined;
  const at = (dir: AbsPath): MemoryState =>
    (group.version === 1 ? v1 : v2)((file) => reader.textAny(join(dir, file)));
  const own = at(group.dir);
  if (own.limit !== undefined) return own;
  const { limit, swap } = at(parentOf(group.dir));
  return { ...own, ...(limit === undefined ? {} : { limit }), ...(swap === undefined ? {} : { swap }) };
}

/**
 * What a run leaves to say about memory: undefined where the kernel killed nothing in its group between the two readings. `ending`
 * tells whether the entry itself was killed. Runs that share a group share its counters too.
 */
export function oomReport(
  before: MemoryState | undefined,
  after: MemoryState | undefined,
  run: { readonly ending: Ending; readonly ranMs: number; readonly command: readonly string[] },
): OomReport | undefined {
  const kills = (after?.kills ?? 0) - (before?.kills ?? 0);
  if (after === undefined || kills <= 0) return undefined;
  const { kills: _, ...rest } = after;
  const wasEntry = "signal" in run.ending && run.ending.signal === "SIGKILL";
  return { ...rest, kills, ranMs: run.ranMs, command: run.command, wasEntry };
}
