import { command as apply } from "./apply.ts";
import type { WriteCommand } from "./context.ts";
import { command as destroy } from "./destroy.ts";
import { command as exec } from "./exec.ts";
import { command as kill } from "./kill.ts";
import { command as rm } from "./rm.ts";
import { command as run } from "./run.ts";
import { command as stop } from "./stop.ts";
import { command as wait } from "./wait.ts";

/** Commands that change things, together: they have nearly all of their code in common. */
export const commands: Readonly<Record<string, WriteCommand>> = {
  apply,
  destroy,
  exec,
  kill,
  rm,
  run,
  stop,
  wait,
};
