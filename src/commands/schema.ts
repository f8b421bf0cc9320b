import { SCHEMAS } from "#model/commands";
import { nearest } from "#model/nearest";
import { usage } from "./args.ts";
import type { Context } from "./context.ts";

/** Prints a JSON Schema; with --json on one line. */
export async function command(context: Context): Promise<number> {
  const { args, words, json } = context;
  const [name = "env"] = args.operands;
  const schema = SCHEMAS.includes(name) ? await context.schema(name) : undefined;
  if (schema === undefined) {
    const near = nearest(name, SCHEMAS);
    const hint = near === undefined ? `There are ${SCHEMAS.join(", ")}.` : `Did you mean "${near}"?`;
    throw usage(`no format "${name}"`, args.command, hint);
  }
  words.out(`${JSON.stringify(schema, null, json ? 0 : 2)}\n`);
  return 0;
}
