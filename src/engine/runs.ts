import type { EnvId } from "#model/brand";
import { failure } from "#model/diagnostic";
import { runName, type DetachedRun } from "#model/detached";
import { bootOf, stateOfRun } from "#observe/runs";
import { readRun, runFiles, runNumbers } from "#record/runs";
import type { ReadHost } from "./host.ts";
import { select } from "./select.ts";
import { envIds, viewState, type StateView } from "./state.ts";

/** The detached runs of some environments and instances, or of all that this state directory holds, as they stand now. */
export function runsOf(
  host: ReadHost,
  state: StateView = viewState(host),
  ids: readonly EnvId[] = envIds(host, state),
): readonly DetachedRun[] {
  const boot = bootOf(host.reader);
  return ids.flatMap((id) =>
    runNumbers(host.reader, state.path, id).flatMap((number): DetachedRun[] => {
      const files = runFiles(state.path, id, number);
      const record = readRun(host.reader, files);
      return record === undefined ? [] : [{ record, files, ...stateOfRun(host.reader, boot, record, files) }];
    }),
  );
}

/** Those who wait for what runs in an environment: they end with it. */
export function supervisorsOf(host: ReadHost, state: StateView, id: EnvId): ReadonlySet<number> {
  const running = runsOf(host, state, [id]).filter((run) => run.state === "running");
  return new Set(running.map(({ record }) => record.supervisor.pid));
}

/** The same run, looked at again. */
export function lookAgain(host: ReadHost, { record, files }: DetachedRun): DetachedRun {
  return { record, files, ...stateOfRun(host.reader, record.boot, record, files) };
}

/** Whether a run is still kept: neither removed, nor its number another's since. */
export function isKept({ reader }: ReadHost, { record: { supervisor }, files }: DetachedRun): boolean {
  const now = readRun(reader, files)?.supervisor;
  return now?.pid === supervisor.pid && now.start === supervisor.start;
}

/** What an argument names: `web/2` a run, `web` or a path an environment, `web.r1` a throwaway instance. */
function named(arg: string): { readonly env: string; readonly number?: number } {
  const [, env, number] = /^([^/]+)\/([1-9]\d{0,8})$/.exec(arg) ?? [];
  return env === undefined ? { env: arg } : { env, number: Number(number) };
}

/** Every run an argument names: that one, or all of an environment. @throws Failure no_environment, no_run */
export function runsNamed(host: ReadHost, arg: string): readonly DetachedRun[] {
  const { env, number } = named(arg);
  const ids = select(host, [env]).map((target) => target.id);
  const runs = runsOf(host, viewState(host), ids);
  const found = number === undefined ? runs : runs.filter(({ record }) => record.number === number);
  if (found.length > 0) return found;
  const others = runs.map(({ record }) => runName(record)).join(", ");
  throw failure(3, "no_run", number === undefined ? `${env} has no detached runs` : `no run "${arg}"`, {
    hint:
      others === ""
        ? `Start one: envctl run -d ${env}`
        : `There ${runs.length === 1 ? "is" : "are"} ${others}.`,
  });
}

/**
 * The one run an argument means. An environment's name means the only one that runs, or where none does and an ended one will do, the one
 * that was started last. @throws Failure no_environment, no_run, ambiguous, not_running
 */
export function runNamed(host: ReadHost, arg: string, which: "running" | "any"): DetachedRun {
  const found = runsNamed(host, arg);
  const running = found.filter(({ state }) => state === "running");
  const [only, ...more] = running.length > 0 ? running : which === "any" ? newest(found) : [];
  if (only === undefined) throw notRunning(found);
  if (more.length === 0) return only;
  const names = running.map(({ record }) => runName(record)).join(", ");
  throw failure(3, "ambiguous", `${arg} has ${running.length} runs`, { hint: `Name one: ${names}` });
}

function newest(runs: readonly DetachedRun[]): readonly DetachedRun[] {
  return [...runs].sort((a, b) => b.record.startedAt - a.record.startedAt).slice(0, 1);
}

/** @throws Failure 1 */
export function notRunning(runs: readonly DetachedRun[]): Error {
  const names = runs.map(({ record }) => runName(record));
  const what = names.length === 1 ? `${names[0]} is not running` : `none of ${names.join(", ")} is running`;
  return failure(1, "not_running", what, { hint: "See: envctl ps" });
}
