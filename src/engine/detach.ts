import type { DetachedRun, ProcessId, RunRecord } from "#model/detached";
import { failure } from "#model/diagnostic";
import { shownName } from "#model/identity";
import type { Prepared } from "#model/launch";
import type { Ready as ReadyCheck } from "#model/spec";
import { launchSpec } from "#launch/launch";
import { prepare } from "#launch/prepare";
import { bootOf } from "#observe/runs";
import { quietly, statOf } from "#observe/proc";
import { runFiles, runsDir, writeRun } from "#record/runs";
import type { WriteHost } from "./host.ts";
import type { EnvFile } from "./load.ts";
import { forgetRun } from "./forget-run.ts";
import { inApplied, inInstance, type Ready } from "./ready.ts";
import { commandOf, type RunOptions } from "./run.ts";
import { runGroups } from "./run-groups.ts";

/** A run, and when its file says that it is ready. */
export type Started = { readonly run: DetachedRun; readonly ready?: ReadyCheck };

/**
 * Starts an entry that outlives this command. In the applied environment, or in a throwaway instance that the
 * first command which changes anything takes away after its end. @throws Failure 125, 126, 127; then nothing of it is left
 */
export async function runDetached(
  host: WriteHost,
  env: EnvFile,
  options: RunOptions & { readonly throwaway: boolean },
): Promise<Started> {
  if (options.throwaway) {
    return inInstance(host, env, options, (ready) =>
      Promise.resolve({ used: start(host, ready, options, 1, ready.groups), fate: "running" }),
    );
  }
  const { used } = await inApplied(host, env, options, (ready) => {
    const group = runGroups(host, ready);
    try {
      return start(host, ready, options, group.number, group.cgroups);
    } catch (error) {
      group.remove();
      throw error;
    }
  });
  return used;
}

function start(
  host: WriteHost,
  { state, id, loaded, root, build }: Ready,
  options: RunOptions,
  number: number,
  cgroups: RunRecord["cgroups"],
): Started {
  const { reader } = host;
  const { entry } = loaded.spec;
  const command = commandOf(loaded, options.command);
  const caller = { variable: host.variable, terminal: false };
  const spec = launchSpec(entry, { id, root, cgroups, command, caller, reader });
  const files = runFiles(state.path, id, number);
  const owner = { mode: 0o700, uid: reader.uid, gid: 0 };
  host.files.makeDir(runsDir(state.path, id), owner);
  host.files.makeDir(files.dir, owner);
  let record: RunRecord | undefined;
  const started = (supervisor: number, pid: number, ready: Prepared): void => {
    record = {
      format: "envctl.run/1",
      id,
      name: shownName({ id, name: loaded.name }),
      number,
      phase: "starting",
      command,
      workdir: spec.workdir,
      user: ready.user,
      boot: bootOf(reader),
      // The status file is made by the launch itself.
      startedAt: Number(reader.stat(files.status)?.mtimeNs ?? 0n) / 1e9,
      supervisor: identity(host, supervisor),
      entry: identity(host, pid),
      cgroups,
    };
    // Should envctl be killed from here on, the run is known, and its supervisor tells whether it was let go.
    writeRun(host, files, record);
  };
  try {
    host.launch.detach(spec, build, (at) => prepare(reader, spec, at), { ...files, started });
  } catch (error) {
    forgetRun(host, state, files);
    throw error;
  }
  // On a disk that is full by now it stays `starting`, and runs all the same.
  quietly(() => writeRun(host, files, { ...record!, phase: "started" }));
  host.lap("launch");
  return {
    run: { record: record!, files, state: "running" },
    ...(entry.ready === undefined ? {} : { ready: entry.ready }),
  };
}

/** @throws Failure 125 where it has ended already */
function identity({ reader }: WriteHost, pid: number): ProcessId {
  const now = statOf(reader, pid);
  if (now === undefined || now.state === "Z")
    throw failure(125, "kernel", `process ${pid} of the run ended before it was started`);
  return { pid, start: now.start };
}
