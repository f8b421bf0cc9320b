import { list } from "#engine/list";
import { lsJson } from "#views/json-state";
import { lsText } from "#views/ls";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** One line an environment of this host. */
export function command(context: Context): number {
  const entries = list(context.host);
  result(
    context,
    (look) => lsText(entries, look, context.host.clock.now(), context.host.state),
    () => lsJson(entries),
  );
  return 0;
}
