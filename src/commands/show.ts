import { show } from "#engine/list";
import { select } from "#engine/select";
import { showJson } from "#views/json-state";
import { showText } from "#views/show";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** One environment in full. */
export function command(context: Context): number {
  const { args, host } = context;
  const [target] = select(host, args.operands);
  const detail = show(host, target!);
  result(
    context,
    (look) => showText(detail, look, host.clock.now()),
    () => showJson(detail),
  );
  return 0;
}
