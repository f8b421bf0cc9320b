import { filesOf, select } from "#engine/select";
import { validate } from "#engine/validate";
import { validateJson } from "#views/json";
import { validateText } from "#views/validate";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** Checks files; all mistakes of all files at once. */
export async function command(context: Context): Promise<number> {
  const report = await validate(context.host, filesOf(select(context.host, context.args.operands)));
  const wrong = report.files.some((file) => file.diagnostics.some((d) => d.severity === "error"));
  if (wrong && !context.json) context.words.err(validateText(report, context.look.err));
  else
    result(
      context,
      (look) => validateText(report, look),
      () => validateJson(report),
    );
  return wrong ? 3 : 0;
}
