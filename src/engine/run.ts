import { failure } from "#model/diagnostic";
import { placeOf } from "#model/identity";
import type { Ending } from "#model/launch";
import type { OomReport } from "#model/outcome";
import type { OwnedCgroup } from "#model/record";
import { launchSpec, start } from "#launch/launch";
import type { WriteHost } from "./host.ts";
import type { EnvFile, Loaded } from "./load.ts";
import { limitLine } from "./limit-line.ts";
import { inApplied, inInstance, type Preparing, type Ready } from "./ready.ts";
import { runGroups } from "./run-groups.ts";

export type RunOptions = Preparing & {
  /** Replaces the file's. */
  readonly command?: readonly string[];
  readonly keepOnFailure: boolean;
  /** Whether the entry gets a terminal of its own; `auto`: where standard input and output are one. */
  readonly terminal?: "auto" | "always" | "never";
};

export type Ran = { readonly ending: Ending; readonly oom?: OomReport; readonly kept?: string };

/** Runs in the applied environment; applies first what only creates or updates. @throws Failure 125, 126, 127 */
export async function runApplied(host: WriteHost, env: EnvFile, options: RunOptions): Promise<Ran> {
  const { used: running } = await inApplied(host, env, options, (ready) => {
    const group = runGroups(host, ready);
    try {
      return launch(host, ready, options, group.cgroups).finally(() => group.remove());
    } catch (error) {
      group.remove();
      throw error;
    }
  });
  return running;
}

/** Runs in an instance of its own that is gone afterwards, whatever happens. @throws Failure 125, 126, 127 */
export async function runThrowaway(host: WriteHost, env: EnvFile, options: RunOptions): Promise<Ran> {
  return inInstance(host, env, options, async (ready) => {
    const ran = await launch(host, ready, options, ready.groups);
    if (options.keepOnFailure && !("code" in ran.ending && ran.ending.code === 0)) {
      return { used: { ...ran, kept: placeOf(ready.state.path, ready.id).dir }, fate: "kept" };
    }
    const removed = { name: ready.id.replace(env.id, env.name), keepable: !options.keepOnFailure };
    return { used: ran.oom === undefined ? ran : { ...ran, oom: { ...ran.oom, removed } }, fate: "removed" };
  });
}

/** What is to be run. @throws Failure 125 where nothing says so */
export function commandOf(loaded: Loaded, given: readonly string[] | undefined): readonly string[] {
  const command = given ?? loaded.spec.entry.command;
  if (command !== undefined) return command;
  throw failure(125, "no_command", `${loaded.name} declares no entry.command`, {
    hint: `Give one: envctl run ${loaded.display} -- COMMAND`,
  });
}

function launch(
  host: WriteHost,
  { id, loaded, root, build }: Ready,
  options: RunOptions,
  cgroups: readonly OwnedCgroup[],
): Promise<Ran> {
  const command = commandOf(loaded, options.command);
  const terminal = options.terminal === "always" || (options.terminal !== "never" && host.terminal);
  const caller = { variable: host.variable, terminal };
  const { reader } = host;
  const spec = launchSpec(loaded.spec.entry, { id, root, cgroups, command, caller, reader });
  const started = start(host, spec, build);
  host.lap("launch");
  const done = host.onSignal(started.deliver);
  return started.outcome
    .then(async ({ ending, oom }) => {
      host.lap("entry");
      return {
        ending,
        ...(oom === undefined ? {} : { oom: { ...oom, ...(await limitLine(host, loaded)) } }),
      };
    })
    .finally(done);
}
