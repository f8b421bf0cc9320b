import type { EnvRecord } from "#model/record";
import type { Action, Change } from "#model/plan";
import { asWritten } from "#model/ready";
import type { Entry, EnvValue } from "#model/spec";
import { text } from "./compare.ts";

/** The overlay's init layer has it, and is replaced with it. */
const ELSEWHERE: readonly string[] = ["hostname"] satisfies (keyof Entry)[];

/** What the next run starts otherwise than the last apply wrote down; carrying it out writes it down. */
export function decideEntry(
  name: string,
  declared: Entry | undefined,
  record: EnvRecord | undefined,
): readonly Action[] {
  if (declared === undefined || record === undefined || record.phase === "kept") return [];
  const [before, after] = [withoutValues(record.spec.entry), withoutValues(declared)];
  const changes = entryChanges(before, after);
  if (changes.length === 0) return [];
  const [kind, address] = ["entry" as const, `${name}.entry`];
  const of = (entry: Entry): Extract<Action, { op: "update" }>["before"] => ({ kind, address, entry });
  return [
    {
      op: "update",
      because: "options_changed",
      address,
      kind,
      before: of(before),
      after: of(after),
      changes,
    },
  ];
}

/** The entry without what variables gave it: of that only salted hashes are kept (row F27). */
export function withoutValues(entry: Entry): Entry {
  const env = Object.entries(entry.env).map(([name, value]): [string, EnvValue] => [
    name,
    value.kind === "variable" ? { kind: "variable", value: "" } : value,
  ]);
  return { ...entry, env: Object.fromEntries(env) };
}

function entryChanges(before: Entry, after: Entry): readonly Change[] {
  const shown = (entry: Entry): Readonly<Record<string, unknown>> => ({
    ...entry,
    ...(entry.ready === undefined ? {} : { ready: asWritten(entry.ready) }),
    env: Object.fromEntries(Object.entries(entry.env).map(([name, value]) => [name, envText(value)])),
  });
  const [was, is] = [shown(before), shown(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((key) => !ELSEWHERE.includes(key) && text(was[key] ?? null) !== text(is[key] ?? null))
    .map((path) => ({ path, before: was[path] ?? null, after: is[path] ?? null }));
}

function envText(value: EnvValue): string {
  if (value.kind === "literal") return value.value;
  return value.kind === "variable" ? "(set)" : "(passed through)";
}
