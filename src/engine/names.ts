import { join } from "#model/brand";
import { instanceOf } from "#model/identity";
import { runName } from "#model/detached";
import type { ReadHost } from "./host.ts";
import { runsOf } from "./runs.ts";
import { readableRecords } from "./state.ts";

/** What may be typed for an environment: files of ./envs by name, then names and ids of this host. What cannot be read is left out. */
export function names(host: ReadHost): readonly string[] {
  const files = (quietly(() => host.reader.listAny(join(host.cwd, "envs"))) ?? [])
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."))
    .map((name) => name.replace(/\.ya?ml$/, ""));
  const records = quietly(() => readableRecords(host)) ?? [];
  const held = records.filter(({ id }) => instanceOf(id) === undefined);
  return [...new Set([...files.sort(), ...held.map((r) => r.name), ...held.map((r) => r.id)])];
}

/** What may be typed for a detached run: its own name, and its environment's. */
export function runNames(host: ReadHost): readonly string[] {
  const runs = quietly(() => runsOf(host)) ?? [];
  return [...new Set(runs.flatMap(({ record }) => [runName(record), record.name]))];
}

/** A completion that complains in the middle of a line helps nobody. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
