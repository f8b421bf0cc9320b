import { command as apply } from "./apply.ts";
import type { WriteCommand } from "./context.ts";
import { command as destroy } from "./destroy.ts";
import { command as run } from "./run.ts";

/** Commands that change things, together: they have nearly all of their code in common. */
export const commands: Readonly<Record<string, WriteCommand>> = { apply, destroy, run };
