import { Failure } from "#model/diagnostic";
import type { Picture } from "#model/stack-picture";
import type { ReadHost } from "./host.ts";
import { declare, isDiagnostics } from "./load.ts";
import type { Target } from "./select.ts";
import { recordOf, viewState } from "./state.ts";

/** An environment as its file declares it; as it is recorded where the file is gone. @throws Failure 3 with all mistakes of the file */
export async function picture(host: ReadHost, target: Target): Promise<Picture> {
  if (target.file === undefined) return recorded(host, target);
  const declared = await declare(host, target.file);
  if (isDiagnostics(declared)) throw new Failure(3, declared);
  const { id, name, file, spec } = declared.loaded;
  return { id, name, file, from: "file", resources: declared.resources, ...commandOf(spec.entry) };
}

function recorded(host: ReadHost, target: Target): Picture {
  const record = target.record ?? recordOf(host, viewState(host), target.id);
  const { id, name, file, resources, spec } = record!;
  return { id, name, file, from: "record", resources, ...commandOf(spec.entry) };
}

const commandOf = ({ command }: { readonly command?: readonly string[] }): Pick<Picture, "command"> =>
  command === undefined ? {} : { command };
