import { runDetached, type Started } from "#engine/detach";
import type { EnvFile } from "#engine/load";
import { lastWords } from "#engine/logs";
import type { RunOptions } from "#engine/run";
import { runName } from "#model/detached";
import { Failure } from "#model/diagnostic";
import { psJson } from "#views/json-runs";
import { usage } from "./args.ts";
import { complain, type WriteContext } from "./context.ts";

/** `run -d`: leaves the entry running, and tells what the run is called; with --wait once it is ready. */
export async function detach(
  context: WriteContext,
  env: EnvFile,
  options: RunOptions & { readonly throwaway: boolean },
): Promise<number> {
  const { args, host, words, json } = context;
  // Nobody is there to see, or to tell.
  for (const flag of ["tty", "interactive", "keep-on-failure"])
    if (args.has(flag)) throw usage(`--${flag} does not go with --detach`, args.command);
  const started = await runDetached(host, env, options);
  const failed = args.has("wait") ? await waitFor(context, started) : 0;
  if (failed !== 0) return failed;
  words.out(json ? psJson([started.run]) : `${runName(started.run.record)}\n`);
  return 0;
}

/** Where the file does not say when it is ready, having been started is enough. */
async function waitFor(context: WriteContext, { run, ready }: Started): Promise<number> {
  if (ready === undefined) return 0;
  const { host } = context;
  const found = await host.awaitReady(run, ready);
  host.lap("entry");
  if (found.is === "ready") return 0;
  const { notReady } = await import("#views/ready");
  const said = lastWords(host.reader, run.files);
  await complain(context, new Failure(125, [notReady(run, found, ready, said)]));
  return found.is === "interrupted" ? 130 : 125;
}
