import { starter } from "#engine/starter";
import { absolute, baseName } from "#model/brand";
import { failure } from "#model/diagnostic";
import { initJson, initText, starterFile } from "#views/init";
import type { Context } from "./context.ts";
import { result } from "./context.ts";
import { usage } from "./args.ts";

/** Writes a file to start from, and never over one that is there. */
export async function command(context: Context): Promise<number> {
  const { args, host } = context;
  const made = starter(host, args.operands[0]);
  if (made === undefined)
    throw usage(
      `not a name: ${args.operands[0] ?? baseName(host.cwd)}`,
      args.command,
      "A name has a-z, 0-9, _ and -, at most 63, a letter or digit first.",
    );
  const { name, rootfs, taken } = made;
  const file = `envs/${name}.yaml`;
  const path = absolute(host.cwd, file);
  if (taken !== undefined || !(await context.create(path, starterFile(name, rootfs)))) {
    throw failure(3, "conflict", `${taken ?? file} is there already, and is left as it is`, {
      hint: "Give another name: envctl init NAME",
    });
  }
  result(
    context,
    (look) => initText(name, path, look),
    () => initJson(name, path),
  );
  return 0;
}
