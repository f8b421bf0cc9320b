import { show } from "#engine/list";
import { selectOne } from "#engine/select";
import { showJson } from "#views/json-state";
import { showText } from "#views/show";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** One environment in full. */
export function command(context: Context): number {
  const { args, host } = context;
  const detail = show(host, selectOne(host, args.operands));
  result(
    context,
    (look) => showText(detail, look, host.clock.now()),
    () => showJson(detail),
  );
  return 0;
}
