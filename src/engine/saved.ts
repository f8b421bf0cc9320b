import type { AbsPath } from "#model/brand";
import { absolute, baseName, join, parentOf } from "#model/brand";
import { CALLED } from "#model/file-type";
import { failure } from "#model/diagnostic";
import type { Plan } from "#model/plan";
import { lostFacts, observedFacts, staleness, type Basis, type SavedPlan } from "#model/saved-plan";
import type { ReadHost, WriteHost } from "./host.ts";
import { envFile, type Declared, type EnvFile } from "./load.ts";
import type { Target } from "./select.ts";

/** A plan, and what was read of its file: nothing for a destruction. */
export type Made = { readonly plan: Plan; readonly declared?: Declared };

/** What a plan was made from. */
function basisOf(host: ReadHost, { plan, declared }: Made, salt: string): Basis {
  const { sha256 } = host.reader;
  const { record } = plan.observed;
  return {
    id: plan.id,
    file: plan.file,
    version: host.version,
    state: plan.observed.place.state,
    text: declared === undefined ? "" : sha256(declared.loaded.text),
    variables: declared === undefined ? "" : sha256(salt + JSON.stringify(declared.loaded.variables)),
    serial: record?.serial ?? 0,
    record: record === undefined ? "" : sha256(salt + record.salt),
    boot: plan.observed.boot,
    observed: sha256(observedFacts(plan)),
    actions: sha256(JSON.stringify(plan.actions)),
    ...(plan.intent === "destroy" ? { lost: sha256(lostFacts(plan)) } : {}),
  };
}

/** The text of a saved plan. */
export function savedText(
  host: ReadHost,
  intent: Plan["intent"],
  made: readonly Made[],
  used?: number,
): string {
  const salt = host.reader.text("/proc/sys/kernel/random/uuid" as AbsPath).trim();
  const basis = made.map((one) => basisOf(host, one, salt));
  const saved: SavedPlan = {
    format: "envctl.saved-plan/1",
    salt,
    ...(intent === "destroy" ? { intent } : {}),
    basis,
    ...(used === undefined ? {} : { used }),
  };
  return `${JSON.stringify(saved, undefined, 2)}\n`;
}

/** Where a plan is saved: where symlinks lead, in place of nothing or of a regular file. @throws Failure 3 */
export function placeToSave({ reader, cwd }: ReadHost, name: string): AbsPath {
  const path = absolute(cwd, name);
  const type = reader.stat(path)?.type ?? reader.lstat(path)?.type;
  if (type === undefined) return join(reader.realpath(parentOf(path)) ?? parentOf(path), baseName(path));
  if (type === "file") return reader.realpath(path) ?? path;
  // A rename would take it away for good.
  const what = type === "symlink" ? "a symlink to nothing" : CALLED[type];
  throw failure(3, "bad_value", `${name} is ${what}`, { hint: "A plan is saved as a regular file." });
}

/** A saved plan is a promise for all that it names: it is carried out whole, or refused. */
export type Saved = {
  readonly intent: Plan["intent"];
  readonly targets: readonly Target[];
  /** What an apply was made from. @throws Failure 6 where one is gone */
  files(): readonly EnvFile[];
  /** Marks it as used, if what was planned now is the same. @throws Failure 6 with what changed */
  spend(made: readonly Made[]): void;
};

/** Reads a saved plan. @throws Failure 3 where it is none, 6 where it was used */
export function openSaved(host: WriteHost, name: string): Saved {
  const named = absolute(host.cwd, name);
  const path = host.reader.realpath(named) ?? named;
  const type = host.reader.stat(path)?.type;
  // A device may have no end, and what was carried out is marked in its file.
  if (type !== undefined && type !== "file")
    throw failure(3, "bad_value", `${name} is ${CALLED[type]}`, {
      hint: "A saved plan is a regular file.",
    });
  const text = host.reader.textAny(path);
  if (text === undefined) throw failure(3, "no_environment", `no such plan: ${name}`);
  const saved = parseSaved(text);
  if (saved === undefined) {
    throw failure(3, "bad_value", `${name} is not a plan of this envctl`, {
      hint: "Make one: envctl plan --out FILE",
    });
  }
  const { basis, intent = "apply", salt } = saved;
  const stale = (why: string): Error =>
    failure(6, "stale_plan", `the plan ${name} no longer holds: ${why}`, {
      detail: "nothing was changed",
      hint: `Make a new one: envctl plan ${intent === "destroy" ? "--destroy " : ""}--out FILE`,
    });
  if (saved.used !== undefined) throw stale("it was applied already");
  return {
    intent,
    targets: basis.map(({ id }) => ({ id, name: id })),
    files: () =>
      basis.map(({ file, id }) => {
        const env = envFile(host, file, file);
        if (env === undefined) throw stale(`${file} is gone`);
        if (env.id !== id) throw stale(`${file} is another environment now`);
        return env;
      }),
    spend(made) {
      for (const then of basis) {
        const now = made.find(({ plan }) => plan.id === then.id);
        const why =
          now === undefined ? "it is not on this host any more" : staleness(then, basisOf(host, now, salt));
        if (why !== undefined) throw stale(`${now?.plan.name ?? then.id}: ${why}`);
      }
      host.files.replaceFile(path, savedText(host, intent, made, host.clock.now()));
    },
  };
}

function parseSaved(text: string): SavedPlan | undefined {
  try {
    const value = JSON.parse(text) as Partial<SavedPlan>;
    return value.format === "envctl.saved-plan/1" &&
      typeof value.salt === "string" &&
      Array.isArray(value.basis) &&
      (value.basis.length > 0 || value.intent === "destroy") &&
      value.basis.every(
        ({ id, file }) => typeof id === "string" && typeof file === "string" && file.startsWith("/"),
      )
      ? (value as SavedPlan)
      : undefined;
  } catch {
    return undefined;
  }
}
