import type { OomReport } from "#model/outcome";
import type { ReadHost } from "./host.ts";
import type { Loaded } from "./load.ts";
import { locator } from "./load.ts";

/** Where the file says how much memory there is; nothing where it says none. */
export async function limitLine(host: ReadHost, loaded: Loaded): Promise<Pick<OomReport, "specLine">> {
  if (loaded.spec.limits.memory === undefined) return {};
  const line = (await locator(host, loaded))(["limits", "memory"]).span?.line;
  return line === undefined ? {} : { specLine: { file: loaded.file, line } };
}
