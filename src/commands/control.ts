export { awaitReady } from "#engine/readiness";
import type { ControlCommand } from "./context.ts";
import { command as exec } from "./exec.ts";
import { command as kill } from "./kill.ts";
import { command as rm } from "./rm.ts";
import { command as stop } from "./stop.ts";
import { command as wait } from "./wait.ts";

/** Commands on detached runs. */
export const commands: Readonly<Record<string, ControlCommand>> = { exec, kill, rm, stop, wait };
