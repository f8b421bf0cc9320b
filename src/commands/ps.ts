import { runsOf } from "#engine/runs";
import { select } from "#engine/select";
import { instanceOf } from "#model/identity";
import { psJson } from "#views/json-runs";
import { psNames, psText } from "#views/ps";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Detached runs of some environments, or of all this host holds. */
export function command(context: Context): number {
  const { args, host, quiet } = context;
  const wanted = args.operands.length === 0 ? undefined : select(host, args.operands).map(({ id }) => id);
  const all = runsOf(host).filter(
    ({ record: { id } }) =>
      wanted === undefined || wanted.includes(instanceOf(id) ?? id) || wanted.includes(id),
  );
  const runs = args.has("running") ? all.filter(({ state }) => state === "running") : all;
  result(
    context,
    (look) => (quiet ? psNames(runs) : psText(runs, look, host.clock.now())),
    () => psJson(runs),
  );
  return 0;
}
