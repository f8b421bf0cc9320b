import type { AbsPath } from "#model/brand";
import type { DetachedRun } from "#model/detached";
import { failure } from "#model/diagnostic";
import { instanceOf, placeOf } from "#model/identity";
import type { Host, Observed } from "#model/observed";
import type { EnvDetail, EnvEntry, EnvState, UpperUse } from "#model/outcome";
import type { EnvRecord } from "#model/record";
import type { Limit, LimitName, Overlay, Resource, TmpfsResource, VolumeResource } from "#model/resource";
import { initPlace } from "#model/stack";
import { lookAtHost } from "#observe/host";
import { statOf } from "#observe/proc";
import { measureUpper } from "#observe/upper";
import { memoryTrouble, pressureOf, useOf } from "#observe/use";
import { observe } from "#observe/observe";
import { findings } from "#plan/drift";
import type { Reader } from "#ports/reader";
import type { ReadHost } from "./host.ts";
import { runsOf } from "./runs.ts";
import type { Target } from "./select.ts";
import type { StateView } from "./state.ts";
import { envIds, recordOf, recordStateOf, viewState } from "./state.ts";

/** A row an environment of this state directory. */
export function list(host: ReadHost): readonly EnvEntry[] {
  const state = viewState(host);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  return envIds(host, state).flatMap((id): EnvEntry[] => {
    const found = recordStateOf(host, state, id);
    if (found.kind === "none") return [];
    if (found.kind === "bad") {
      return [
        {
          id,
          name: id,
          file: found.path,
          fileExists: false,
          state: "unreadable",
          upper: { form: "none" },
          layers: 0,
          volumes: 0,
          limits: {},
          runs: [],
        },
      ];
    }
    return [entry(host, state, machine, found.record)];
  });
}

function entry(host: ReadHost, state: StateView, machine: Host, record: EnvRecord): EnvEntry {
  const { resources } = record;
  const limits = resources.filter((r): r is Limit => r.kind === "limit");
  return {
    ...common(host, state, machine, record).shared,
    layers: overlayOf(resources)?.lowers.length ?? 0,
    volumes: resources.filter((r) => r.kind === "volume").length,
    limits: Object.fromEntries(limits.map((l) => [l.name, l.value])) as Partial<Record<LimitName, string>>,
  };
}

type Shared = Pick<
  EnvEntry,
  "id" | "name" | "file" | "fileExists" | "state" | "upper" | "appliedAt" | "runs"
>;

function common(
  host: ReadHost,
  state: StateView,
  machine: Host,
  record: EnvRecord,
): { shared: Shared; observed: Observed } {
  const { id, name, file, appliedAt } = record;
  const observed = observe(host.reader, id, record.lineage, state.path, { host: machine, record });
  const fileExists = host.reader.stat(file) !== undefined;
  const upper = upperUse(host, record, placeOf(state.path, id).upper);
  const runs = runsOf(host, state, [id]);
  const shared = {
    id,
    name,
    file,
    fileExists,
    state: stateOf(host.reader, record, observed, runs),
    upper,
    ...(appliedAt === undefined ? {} : { appliedAt }),
    runs,
  };
  return { shared, observed };
}

/** Where it was detached its supervisor waits, else the envctl that made it. */
function isRunning(reader: Reader, { pid }: EnvRecord, runs: readonly DetachedRun[]): boolean {
  if (runs.length > 0) return runs.some((run) => run.state === "running");
  const maker = pid === undefined ? undefined : statOf(reader, pid);
  return maker !== undefined && maker.state !== "Z";
}

function stateOf(
  reader: Reader,
  record: EnvRecord,
  observed: Observed,
  runs: readonly DetachedRun[],
): EnvState {
  if (record.phase === "kept") return "kept";
  if (instanceOf(record.id) !== undefined) return isRunning(reader, record, runs) ? "running" : "ended";
  if (observed.rebooted) return "rebooted";
  if (observed.elsewhere?.alive !== undefined) return "elsewhere";
  if (record.phase !== "applied") return "interrupted";
  return findings(observed).length > 0 ? "drifted" : "applied";
}

function upperUse(host: ReadHost, record: EnvRecord, upper: AbsPath): UpperUse {
  const form = overlayOf(record.resources)?.upper.kind ?? "disk";
  return form === "none" ? { form } : { form, ...measureUpper(host.reader, upper) };
}

const overlayOf = (resources: readonly Resource[]): Overlay | undefined =>
  resources.find((r): r is Overlay => r.kind === "overlay");

/** One environment in full. @throws Failure not_applied */
export function show(host: ReadHost, target: Target): EnvDetail {
  const state = viewState(host);
  const record = recordOf(host, state, target.id);
  if (record === undefined) {
    throw failure(1, "not_applied", `${target.name} is not applied on this host`, {
      hint: `envctl apply ${target.file?.display ?? target.name}`,
    });
  }
  const { shared, observed } = common(host, state, lookAtHost(host.reader, host.cgroupParent), record);
  const overlay = overlayOf(record.resources);
  const place = observed.place;
  const lowers = overlay?.lowers ?? [];
  const groups = observed.cgroups;
  const memory = memoryTrouble(host.reader, groups);
  const { command, workdir, user, hostname, network, init, capabilities, env, ready } = record.spec.entry;
  return {
    ...shared,
    lowerDirs: [initPlace(place, lowers, observed.covering).layer, ...lowers.map((l) => l.path)],
    ...(overlay?.upper.kind === "none" ? {} : { upperDir: place.upper, workDir: place.work }),
    mergedDir: place.merged,
    volumes: record.resources.filter((r): r is VolumeResource => r.kind === "volume"),
    tmpfs: record.resources.filter((r): r is TmpfsResource => r.kind === "tmpfs"),
    limits: record.resources
      .filter((r): r is Limit => r.kind === "limit")
      .map(({ name, value }) => {
        const use = useOf(host.reader, groups, name);
        return { name, value, ...(use === undefined ? {} : { use }) };
      }),
    ...(memory === undefined ? {} : { memory }),
    pressure: pressureOf(host.reader, groups),
    entry: {
      ...(command === undefined ? {} : { command }),
      workdir,
      ...(user === undefined ? {} : { user }),
      hostname,
      network,
      init,
      capabilities,
      ...(ready === undefined ? {} : { ready }),
      env: Object.entries(env).map(([name, v]) => ({
        name,
        ...(v.kind === "literal" ? { value: v.value } : {}),
        ...(v.kind === "passthrough" ? { passes: true } : {}),
      })),
    },
  };
}
