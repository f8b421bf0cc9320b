import { runsOf } from "#engine/runs";
import { select } from "#engine/select";
import { viewState } from "#engine/state";
import { psJson } from "#views/json-runs";
import { psNames, psText } from "#views/ps";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Detached runs of some environments, or of all this host holds. */
export function command(context: Context): number {
  const { args, host, quiet } = context;
  const ids = args.operands.length === 0 ? undefined : select(host, args.operands).map(({ id }) => id);
  const all = runsOf(host, viewState(host), ids);
  const runs = args.has("running") ? all.filter(({ state }) => state === "running") : all;
  result(
    context,
    (look) => (quiet ? psNames(runs) : psText(runs, look, host.clock.now())),
    () => psJson(runs),
  );
  return 0;
}
