import { doctor } from "#engine/doctor";
import { works } from "#model/doctor";
import { doctorJson, doctorText } from "#views/doctor";
import type { Context } from "./context.ts";
import { result } from "./context.ts";

/** What this host can do; 1 only where nothing can work. */
export async function command(context: Context): Promise<number> {
  const report = doctor(context.host, await context.probe(), context.namespaceRefused);
  result(
    context,
    (look) => doctorText(report, look),
    () => doctorJson(report),
  );
  return works(report) ? 0 : 1;
}
