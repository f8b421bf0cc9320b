import type { AbsPath } from "#model/brand";
import { absolute, baseName, join, parentOf } from "#model/brand";
import { failure } from "#model/diagnostic";
import { observedFacts, staleness, type Basis, type SavedPlan } from "#model/saved-plan";
import type { ReadHost } from "./host.ts";
import { envFile, type EnvFile } from "./load.ts";
import type { Planned } from "./planned.ts";

/** What a plan was made from. */
function basisOf(host: ReadHost, { plan, declared }: Planned, salt: string): Basis {
  const { sha256 } = host.reader;
  const { loaded } = declared;
  return {
    id: plan.id,
    file: plan.file,
    version: host.version,
    state: plan.observed.place.state,
    text: sha256(loaded.text),
    variables: sha256(salt + JSON.stringify(loaded.variables)),
    serial: plan.observed.record?.serial ?? 0,
    boot: plan.observed.boot,
    observed: sha256(observedFacts(plan)),
    actions: sha256(JSON.stringify(plan.actions)),
  };
}

/** The text of a saved plan. */
export function savedText(host: ReadHost, planned: readonly Planned[], used?: number): string {
  const salt = host.reader.text("/proc/sys/kernel/random/uuid" as AbsPath).trim();
  const basis = planned.map((p) => basisOf(host, p, salt));
  const saved: SavedPlan = {
    format: "envctl.saved-plan/1",
    salt,
    basis,
    ...(used === undefined ? {} : { used }),
  };
  return `${JSON.stringify(saved, undefined, 2)}\n`;
}

/** In place of what a rename would take away for good: a device, a directory, a link. */
const NO_PLACE = {
  dir: "a directory",
  char: "a device",
  block: "a device",
  fifo: "a fifo",
  socket: "a socket",
  symlink: "a symlink to nothing",
} as const;

/** Where a plan is saved: where symlinks lead, in place of nothing or of a regular file. @throws Failure 3 */
export function placeToSave({ reader, cwd }: ReadHost, name: string): AbsPath {
  const path = absolute(cwd, name);
  const type = reader.stat(path)?.type ?? reader.lstat(path)?.type;
  if (type === undefined) return join(reader.realpath(parentOf(path)) ?? parentOf(path), baseName(path));
  if (type === "file") return reader.realpath(path) ?? path;
  throw failure(3, "bad_value", `${name} is ${NO_PLACE[type]}`, {
    hint: "A plan is saved as a regular file.",
  });
}

/** Reads a saved plan and names its files. @throws Failure 3 where it is none, 6 where it was used */
export function readSaved(
  host: ReadHost,
  name: string,
): { readonly path: AbsPath; readonly saved: SavedPlan; readonly files: readonly EnvFile[] } {
  const named = absolute(host.cwd, name);
  const path = host.reader.realpath(named) ?? named;
  const text = host.reader.textAny(path);
  if (text === undefined) throw failure(3, "no_environment", `no such plan: ${name}`);
  const saved = parseSaved(text);
  if (saved === undefined) {
    throw failure(3, "bad_value", `${name} is not a plan of this envctl`, {
      hint: "Make one: envctl plan --out FILE",
    });
  }
  if (saved.used !== undefined) throw stale(name, "it was applied already");
  const files = saved.basis.map(({ file, id }) => {
    const env = envFile(host, file, file);
    if (env === undefined) throw stale(name, `${file} is gone`);
    if (env.id !== id) throw stale(name, `${file} is another environment now`);
    return env;
  });
  return { path, saved, files };
}

/** @throws Failure stale_plan (exit 6) with what changed */
export function checkFresh(
  host: ReadHost,
  name: string,
  saved: SavedPlan,
  planned: readonly Planned[],
): void {
  for (const p of planned) {
    const then = saved.basis.find((b) => b.id === p.plan.id);
    const why =
      then === undefined ? "it names other environments" : staleness(then, basisOf(host, p, saved.salt));
    if (why !== undefined) throw stale(name, `${p.plan.name}: ${why}`);
  }
}

function stale(name: string, why: string): Error {
  return failure(6, "stale_plan", `the plan ${name} no longer holds: ${why}`, {
    detail: "nothing was changed",
    hint: "Make a new one: envctl plan --out FILE",
  });
}

function parseSaved(text: string): SavedPlan | undefined {
  try {
    const value = JSON.parse(text) as Partial<SavedPlan>;
    return value.format === "envctl.saved-plan/1" &&
      typeof value.salt === "string" &&
      Array.isArray(value.basis) &&
      value.basis.length > 0 &&
      value.basis.every(
        ({ id, file }) => typeof id === "string" && typeof file === "string" && file.startsWith("/"),
      )
      ? (value as SavedPlan)
      : undefined;
  } catch {
    return undefined;
  }
}
