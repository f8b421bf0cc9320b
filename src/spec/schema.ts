import { environment } from "./environment.ts";
import type { JsonSchema } from "./shape.ts";

/** The JSON Schema of environment files, for editors. Draft 07 is what YAML language servers understand best. */
export function environmentSchema(): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "envctl environment",
    description:
      "A sandbox declared in one file: root filesystem, layers, volumes, limits and entry command.",
    ...environment.schema,
  };
}
