import { runDetached } from "#engine/detach";
import type { EnvFile } from "#engine/load";
import type { RunOptions } from "#engine/run";
import { runName } from "#model/detached";
import { psJson } from "#views/json-runs";
import { usage } from "./args.ts";
import type { WriteContext } from "./context.ts";

/** `run -d`: leaves the entry running, and tells what the run is called. */
export async function detach(
  { args, host, words, json }: WriteContext,
  env: EnvFile,
  options: RunOptions & { readonly throwaway: boolean },
): Promise<void> {
  // Nobody is there to see, or to tell.
  for (const flag of ["tty", "interactive", "keep-on-failure"])
    if (args.has(flag)) throw usage(`--${flag} does not go with --detach`, args.command);
  const run = await runDetached(host, env, options);
  words.out(json ? psJson([run]) : `${runName(run.record)}\n`);
}
