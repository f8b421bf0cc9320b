import type { EnvRecord } from "#model/record";
import { crc32 } from "./crc32.ts";
import { checkRecord } from "./schema.ts";

export const FORMAT = "envctl.record/1";

/** What a text turned out to be. `newer`: another format; its version is that of the envctl that wrote it. */
export type Decoded =
  | { readonly kind: "record"; readonly record: EnvRecord }
  | { readonly kind: "newer"; readonly format: string; readonly version: string }
  | { readonly kind: "corrupt"; readonly why: string };

/** The text of a record: JSON with sorted keys and, beside the record's own, a checksum over all the rest. Bytes are numbers (at most 2^53−1). */
export function encode(record: EnvRecord): string {
  const body = sorted(record);
  return `${JSON.stringify({ format: record.format, checksum: crc32(JSON.stringify(body)), ...body }, undefined, 1)}\n`;
}

/** Reads it back; the checksum does not depend on how the JSON is laid out. */
export function decode(text: string): Decoded {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return {
      kind: "corrupt",
      why:
        text.trim() === ""
          ? "it is empty"
          : `it is no JSON: ${(error as Error).message.replace(/\s+/g, " ")}`,
    };
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return { kind: "corrupt", why: "it holds no object" };
  const { checksum: stored, ...body } = json as Record<string, unknown>;
  const { format, version } = body;
  if (format !== FORMAT) {
    const later = typeof format === "string" && format.startsWith("envctl.record/");
    return later
      ? { kind: "newer", format, version: String(version) }
      : { kind: "corrupt", why: "it has no format" };
  }
  // As it was written only `format` is out of order; sorting all levels is for a file that somebody laid out anew.
  if (stored !== crc32(JSON.stringify(inOrder(body))) && stored !== crc32(JSON.stringify(sorted(body))))
    return { kind: "corrupt", why: "its checksum does not match: it was edited or damaged" };
  const problem = checkRecord(body, "");
  if (problem !== undefined) return { kind: "corrupt", why: problem };
  return { kind: "record", record: revive(body) };
}

/** Keys in one order at every level, absent values left out, bigint as numbers. */
function sorted(value: object): Dictionary {
  const all = inOrder(value);
  const known: Dictionary = {};
  for (const key in all) if (all[key] !== undefined) known[key] = plain(all[key]);
  return known;
}

type Dictionary = Record<string, unknown>;

function inOrder(value: object): Dictionary {
  const all: Dictionary = {};
  for (const key of Object.keys(value).sort()) all[key] = (value as Dictionary)[key];
  return all;
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === "object" && value !== null ? sorted(value) : value;
}

/** The bytes of a Spec are bigint in memory and numbers here. The shape was checked. */
function revive(body: Record<string, unknown>): EnvRecord {
  const record = body as unknown as EnvRecord;
  const { overlay, tmpfs, limits } = record.spec;
  const { memory, swap, ...rest } = limits;
  return {
    ...record,
    spec: {
      ...record.spec,
      overlay:
        overlay.upper.kind === "tmpfs"
          ? { ...overlay, upper: { ...overlay.upper, size: BigInt(overlay.upper.size) } }
          : overlay,
      tmpfs: tmpfs.map((t) => (t.size === undefined ? t : { ...t, size: BigInt(t.size) })),
      limits: {
        ...rest,
        ...(memory === undefined ? {} : { memory: BigInt(memory) }),
        ...(swap === undefined ? {} : { swap: BigInt(swap) }),
      },
    },
  };
}
