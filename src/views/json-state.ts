import type { EnvDetail, EnvEntry } from "#model/outcome";
import { asWritten } from "#model/ready";
import type { LimitName } from "#model/resource";
import { limitValue, line, type Json } from "./json.ts";
import { runJson } from "./json-runs.ts";
import { modeText, volumeFlags } from "./values.ts";

/** envctl.ls/1 */
export function lsJson(entries: readonly EnvEntry[]): string {
  const envs = entries.map((e) => ({
    ...common(e),
    layers: e.layers,
    volumes: e.volumes,
    limits: limits(Object.entries(e.limits)),
  }));
  return line({ format: "envctl.ls/1", envs });
}

function common(
  e: Pick<EnvEntry, "id" | "name" | "file" | "fileExists" | "state" | "upper" | "appliedAt" | "runs">,
): Json {
  const { form, bytes, paths } = e.upper;
  return {
    id: e.id,
    name: e.name,
    ...(e.file === undefined ? {} : { file: e.file }),
    file_exists: e.fileExists,
    state: e.state,
    ...(e.appliedAt === undefined ? {} : { applied_at: new Date(e.appliedAt * 1000).toISOString() }),
    upper: {
      form,
      ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
      ...(paths === undefined ? {} : { paths }),
    },
    runs: e.runs.map(runJson),
  };
}

function limits(all: readonly (readonly [string, string | undefined])[]): Json {
  return Object.fromEntries(all.map(([name, value]) => [name, limitValue(name as LimitName, value)]));
}

/** envctl.show/1; directories are named as `docker inspect` names a GraphDriver's. */
export function showJson(env: EnvDetail): string {
  const dirs = {
    LowerDir: env.lowerDirs,
    ...(env.upperDir === undefined ? {} : { UpperDir: env.upperDir }),
    MergedDir: env.mergedDir,
    ...(env.workDir === undefined ? {} : { WorkDir: env.workDir }),
  };
  const { command, workdir, user, hostname, network, init, capabilities, ready } = env.entry;
  return line({
    format: "envctl.show/1",
    ...common(env),
    dirs,
    volumes: env.volumes.map((v) => ({
      target: v.target,
      source: v.source,
      path: v.path,
      flags: volumeFlags(v),
    })),
    tmpfs: env.tmpfs.map((t) => ({
      target: t.target,
      ...(t.bytes === undefined ? {} : { bytes: Number(t.bytes) }),
      mode: modeText(t.mode),
    })),
    limits: limits(env.limits.map((l) => [l.name, l.value])),
    use: limits(env.limits.flatMap((l) => (l.use === undefined ? [] : [[l.name, l.use] as const]))),
    ...(env.memory === undefined
      ? {}
      : { memory_events: { reached: env.memory.reached, oom_kills: env.memory.kills } }),
    ...(env.pressure.length === 0 ? {} : { pressure: env.pressure.map((each) => ({ ...each })) }),
    entry: {
      ...(command === undefined ? {} : { command }),
      workdir,
      ...(user === undefined ? {} : { user }),
      hostname,
      network,
      init,
      capabilities,
      ...(ready === undefined ? {} : { ready: asWritten(ready) }),
      env: env.entry.env.map((one) => ({ ...one })),
    },
  });
}
