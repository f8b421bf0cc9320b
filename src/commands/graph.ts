import { picture } from "#engine/graph";
import { selectOne } from "#engine/select";
import { graphJson, graphText } from "#views/graph";
import { graphMermaid, graphSvg } from "#views/graph-image";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

const DRAW = { text: graphText, mermaid: graphMermaid, svg: graphSvg };

/** Draws what an environment is stacked of. */
export async function command(context: Context): Promise<number> {
  const { args, host } = context;
  const format = args.value("format") ?? "text";
  if (!Object.hasOwn(DRAW, format))
    throw usage(`--format takes text, mermaid or svg, not "${format}"`, args.command);
  const drawn = await picture(host, selectOne(host, args.operands));
  result(
    context,
    (look) => DRAW[format as keyof typeof DRAW](drawn, look),
    () => graphJson(drawn),
  );
  return 0;
}
