import type { AbsPath, EnvId } from "#model/brand";
import type { Ending, LaunchRoot, LaunchSpec } from "#model/launch";
import type { OomReport } from "#model/outcome";
import type { OwnedCgroup } from "#model/record";
import type { Entry } from "#model/spec";
import type { Clock } from "#ports/clock";
import type { Stage } from "#ports/mounts";
import type { LaunchPort } from "#ports/processes";
import type { Reader } from "#ports/reader";
import { memoryState, oomReport } from "./ending.ts";
import { environmentOf, type Caller } from "./environment.ts";
import { prepare } from "./prepare.ts";
import { privilegesOf } from "./privileges.ts";
import { forward } from "./signals.ts";

/** What a launch is made of besides the file. `command` replaces the file's. */
export type Launching = {
  readonly id: EnvId;
  readonly root: LaunchRoot;
  readonly cgroups: readonly OwnedCgroup[];
  readonly command: readonly string[];
  readonly caller: Caller;
  readonly reader: Pick<Reader, "textAny">;
};

/** A file's entry, ready to be launched. @throws Failure 125 where it wants what cannot be given */
export function launchSpec(
  entry: Entry,
  { id, root, cgroups, command, caller, reader }: Launching,
): LaunchSpec {
  const { workdir, hostname, network, init } = entry;
  const env = environmentOf(entry.env, hostname, caller);
  return {
    id,
    root,
    cgroups,
    command,
    env,
    workdir,
    hostname,
    network,
    init,
    capabilities: privilegesOf(reader, entry),
    terminal: caller.terminal,
    ...(entry.user === undefined ? {} : { user: entry.user }),
  };
}

/** A launched entry. `deliver` hands a signal on to it (FORWARDED); `outcome` resolves once it ended. */
export type Launched = {
  readonly pid: number;
  deliver(signal: string): void;
  readonly outcome: Promise<{ readonly ending: Ending; readonly ranMs: number; readonly oom?: OomReport }>;
};

/**
 * Starts an entry: `build` makes its root. Synchronous, and a failure means that it never ran.
 * @throws Failure 125, 126 or 127; KernelError
 */
export function start(
  ports: { readonly launch: LaunchPort; readonly reader: Reader; readonly clock: Clock },
  spec: LaunchSpec,
  build: (stage: Stage) => AbsPath,
): Launched {
  const { reader, clock } = ports;
  const before = memoryState(reader, spec.cgroups);
  const running = ports.launch.launch(spec, build, (root) => prepare(reader, spec, root));
  const started = clock.monotonic();
  const { deliver, ended } = forward(reader, running);
  const outcome = ended.then((ending) => {
    const ranMs = clock.monotonic() - started;
    const oom = oomReport(before, memoryState(reader, spec.cgroups), {
      ending,
      ranMs,
      command: spec.command,
    });
    return { ending, ranMs, ...(oom === undefined ? {} : { oom }) };
  });
  return { pid: running.pid, deliver, outcome };
}
