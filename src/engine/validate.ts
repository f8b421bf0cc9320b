import type { ValidateReport } from "#model/outcome";
import type { ReadHost } from "./host.ts";
import type { EnvFile } from "./load.ts";
import { declare, isDiagnostics, warningsOf } from "./load.ts";

/** Every mistake of every file, those that only this host shows among them. */
export async function validate(host: ReadHost, files: readonly EnvFile[]): Promise<ValidateReport> {
  const reports = files.map(async (env): Promise<ValidateReport["files"][number]> => {
    const result = await declare(host, env);
    if (isDiagnostics(result)) return { file: env.file, diagnostics: result };
    return { file: env.file, name: env.name, id: env.id, diagnostics: await warningsOf(host, result) };
  });
  return { files: await Promise.all(reports) };
}
