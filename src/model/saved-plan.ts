import type { AbsPath, EnvId } from "./brand.ts";
import type { Plan } from "./plan.ts";

/**
 * What one environment's plan was made from. Hashes (sha256, hex) instead of values: a saved plan holds no secret, and shows what became
 * different by name.
 */
export type Basis = {
  readonly id: EnvId;
  readonly file: AbsPath;
  readonly version: string;
  readonly state: AbsPath;
  /** The environment file's bytes; empty for a destruction, which the file has no say in. */
  readonly text: string;
  /** The variables it used, salted. */
  readonly variables: string;
  /** Of the record; 0 without one. */
  readonly serial: number;
  /** The record's salt, salted: one that was applied anew is another one, however equal. Empty without a record. */
  readonly record: string;
  readonly boot: string;
  /** What the host had: mounts, groups, sources. */
  readonly observed: string;
  readonly actions: string;
  /** Of a destruction: what was written inside, and the detached runs it ends. */
  readonly lost?: string;
};

/** A plan written with --out: bound to all it was made from, and used once. */
export type SavedPlan = {
  readonly format: "envctl.saved-plan/1";
  readonly salt: string;
  /** Absent: apply. */
  readonly intent?: "destroy";
  readonly basis: readonly Basis[];
  /** When it was applied (seconds since the epoch); absent: not yet. */
  readonly used?: number;
};

const WORDS: readonly (readonly [keyof Basis, string])[] = [
  ["boot", "the host was rebooted"],
  ["version", "envctl is another version"],
  ["state", "it was made for another state directory"],
  ["text", "the file was edited"],
  ["variables", "a variable has another value"],
  ["serial", "the environment was applied or destroyed meanwhile"],
  ["record", "the environment was destroyed or applied anew meanwhile"],
  ["observed", "mounts, cgroups or sources on this host changed"],
  ["lost", "what was written inside, or what runs there, is not the same"],
  ["actions", "it comes to other changes now"],
];

/** Why a plan made from `then` must not be carried out on `now`; undefined where nothing differs. */
export function staleness(then: Basis, now: Basis): string | undefined {
  return WORDS.find(([key]) => then[key] !== now[key])?.[1];
}

/** What of a plan's observation it depends on, as text to be hashed. */
export function observedFacts({ observed, actions }: Plan): string {
  const { mounts, cgroups, staleSources, mountNamespace, covering, upperUsed } = observed;
  const groups = cgroups.map(({ dir, exists, values }) => ({ dir, exists, values }));
  const after = actions.flatMap((a) => (a.op === "delete" ? [] : [a.after]));
  const places = observed.hierarchies.map(({ mount, base = mount }) => base);
  return JSON.stringify({ mounts, groups, places, staleSources, mountNamespace, covering, upperUsed, after });
}

/** What a destruction takes away for good, as text to be hashed. */
export function lostFacts({ observed, warnings }: Plan): string {
  return JSON.stringify({ upperUse: observed.upperUse, told: warnings.map(({ summary }) => summary) });
}
