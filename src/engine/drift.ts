import type { AbsPath, EnvId } from "#model/brand";
import { placeOf, instanceOf } from "#model/identity";
import { parseMountinfo } from "#model/mountinfo";
import type { Host, Observed } from "#model/observed";
import type { DriftReport } from "#model/outcome";
import type { Finding } from "#model/plan";
import type { EnvRecord } from "#model/record";
import { lookAtHost } from "#observe/host";
import { observe } from "#observe/observe";
import { findings } from "#plan/drift";
import { ourOverlays } from "#plan/standing";
import { runName } from "#model/detached";
import { shell } from "#model/shell";
import type { ReadHost } from "./host.ts";
import { lingering } from "./obstacles.ts";
import { runsOf } from "./runs.ts";
import { calledHere, type Target } from "./select.ts";
import type { StateView } from "./state.ts";
import { envIds, recordStateOf, UNBORN, viewState } from "./state.ts";
import { strayGroups } from "./stray.ts";

type Env = DriftReport["envs"][number];

/** Holds the records against the kernel. With targets only theirs; without, everything below this state directory and what nothing owns. */
export function drift(host: ReadHost, targets: readonly Target[] | undefined): DriftReport {
  const state = viewState(host);
  const machine = lookAtHost(host.reader, host.cgroupParent);
  const wanted = targets === undefined ? undefined : new Set(targets.map((t) => t.id));
  const called = calledHere(host);
  const envs: Env[] = [];
  const unowned: Finding[] = [];
  for (const id of envIds(host, state)) {
    if (wanted !== undefined && !wanted.has(id)) continue;
    const found = recordStateOf(host, state, id);
    if (found.kind === "bad") {
      unowned.push({
        env: id,
        address: id,
        kind: "leftover",
        detail: `its record was refused: ${found.why}`,
        fix: found.fix ?? found.hint,
        path: found.path,
      });
    } else if (found.kind === "none")
      unowned.push(...unproven(host, state, machine, id), noRecord(host, state, id));
    else if (instanceOf(id) !== undefined) unowned.push(...instance(host, state, found.record));
    else if (host.reader.stat(found.record.file) === undefined)
      unowned.push(orphan(host, state, machine, found.record));
    else envs.push(checked(host, state, machine, found.record, called(found.record)));
  }
  unowned.push(
    ...strayFindings(host, state, machine).filter(({ env }) => wanted === undefined || wanted.has(env)),
  );
  if (wanted === undefined) unowned.push(...strayMounts(host, state, machine));
  host.lap("observe");
  return { envs, unowned };
}

/** `word`: what a command typed here has to call it. */
function checked(host: ReadHost, state: StateView, machine: Host, record: EnvRecord, word: string): Env {
  const { id, name, file } = record;
  const observed = observe(host.reader, id, record.lineage, state.path, { host: machine, record });
  const unapplied = host.reader.textAny(file) !== record.text;
  const held = ourOverlays(observed).length > 0 || observed.rebooted ? [] : stillHeld(host, record, observed);
  const elsewhere = observed.elsewhere?.alive;
  if (elsewhere !== undefined) return { id, name, file, unapplied, findings: [abroad(record, elsewhere)] };
  const drifted = [...findings(observed, word), ...held, ...lost(host, state, id, word)];
  return { id, name, file, unapplied, findings: drifted };
}

/** Detached runs nobody knows the end of. */
function lost(host: ReadHost, state: StateView, id: EnvId, word: string): readonly Finding[] {
  return runsOf(host, state, [id])
    .filter((run) => run.state === "lost")
    .map(({ record, files }) => ({
      env: id,
      address: runName(record),
      kind: "leftover",
      detail:
        "a detached run that ended without a status: its supervisor was killed, or the machine started anew",
      fix: `envctl rm ${word}/${record.number}`,
      path: files.dir,
    }));
}

/** Its mounts are another namespace's: whether they stand can only be seen from there. */
function abroad(
  { id, name }: EnvRecord,
  { pid, command }: { readonly pid: number; readonly command: string },
): Finding {
  const where =
    pid > 0
      ? `applied in another mount namespace, where process ${pid} (${command}) lives`
      : `applied in another mount namespace ${command}`;
  return {
    env: id,
    address: `${name}.overlay`,
    kind: "foreign",
    detail: where,
    fix: pid > 0 ? `nsenter -t ${pid} -m envctl drift ${id}` : "look from within it",
  };
}

/** Row F7: unmounted lazily, or copied into another namespace, the overlay still uses upper. */
function stillHeld(host: ReadHost, record: EnvRecord, observed: Observed): readonly Finding[] {
  return lingering(host, record, observed).map((h) => ({
    env: record.id,
    address: `${record.name}.overlay`,
    kind: "leftover",
    detail: `no longer mounted, yet upper is in use by process ${h.pid} (${h.command}): ${h.holds}`,
    fix: `kill ${h.pid}`,
    path: observed.place.upper,
  }));
}

function orphan(host: ReadHost, state: StateView, machine: Host, record: EnvRecord): Finding {
  const { id, file } = record;
  const { dir } = placeOf(state.path, id);
  const { mounts: all } = observe(host.reader, id, record.lineage, state.path, { host: machine, record });
  const mounts = all.filter(({ point }) => point !== dir).length; // its directory's own, where mounts are shared, is nobody's wish
  const what =
    record.phase === "kept" ? "its writable layer is kept" : `${mounts} ${mounts === 1 ? "mount" : "mounts"}`;
  return {
    env: id,
    address: id,
    kind: "orphan",
    detail: `${file} is gone; ${what}`,
    fix: `envctl destroy ${id}`,
    path: dir,
  };
}

/** Without a record nothing shows whose the mounts inside an overlay are: destroy takes it away once they are gone. */
function unproven(host: ReadHost, state: StateView, machine: Host, id: EnvId): readonly Finding[] {
  return findings(observe(host.reader, id, state.lineage ?? UNBORN, state.path, { host: machine }));
}

function noRecord(host: ReadHost, state: StateView, id: EnvId): Finding {
  const { dir } = placeOf(state.path, id);
  const empty = (host.reader.listAny(dir) ?? []).length === 0;
  const detail = empty ? "an empty directory, no record" : "a directory without a record";
  return { env: id, address: id, kind: "leftover", detail, fix: `envctl destroy ${id}`, path: dir };
}

/** A throwaway instance whose envctl lives is no finding; one that was kept or whose envctl was killed is. */
function instance(host: ReadHost, state: StateView, record: EnvRecord): readonly Finding[] {
  const { id, pid, phase } = record;
  if (phase === "running" && pid !== undefined && isEnvctl(host, pid)) return [];
  // After a detached run the next command that changes anything takes it away.
  if (runsOf(host, state, [id]).some((run) => run.state !== "lost")) return [];
  const detail =
    phase === "kept"
      ? "a throwaway instance, kept on failure"
      : "a throwaway instance whose envctl was killed";
  return [{ env: id, address: id, kind: "leftover", detail, fix: `envctl destroy ${id}` }];
}

function isEnvctl(host: ReadHost, pid: number): boolean {
  return host.reader.textAny(`/proc/${pid}/cmdline` as AbsPath)?.includes("\0run\0") ?? false;
}

function strayFindings(host: ReadHost, state: StateView, machine: Host): readonly Finding[] {
  return [...strayGroups(host, state, machine)].map(([id, groups]): Finding => {
    const controllers = groups.flatMap((g) => g.controllers).join(", ");
    const busy = groups.some(
      (g) => (host.reader.textAny(`${g.dir}/cgroup.procs` as AbsPath) ?? "").trim() !== "",
    );
    const detail = `cgroup, ${controllers}; ${busy ? "with processes" : "empty"}, no record`;
    return {
      env: id,
      address: id,
      kind: "leftover",
      detail,
      fix: `envctl destroy ${id}`,
      path: groups[0]!.dir,
    };
  });
}

/** Overlays that carry this state directory's tag and lie at no environment's place. */
function strayMounts(host: ReadHost, state: StateView, machine: Host): readonly Finding[] {
  if (state.lineage === undefined) return [];
  const places = new Set<string>(envIds(host, state).map((id) => placeOf(state.path, id).merged));
  const tagged = parseMountinfo(machine.mountinfo, [` envctl:${state.lineage}:`]).filter(
    (m) => m.type === "overlay" && !places.has(m.point),
  );
  return tagged.map((m) => ({
    env: m.source.split(":")[2] as EnvId,
    address: m.point,
    kind: "leftover",
    detail: `overlay of ${m.source.split(":")[2]}, mount ${m.id}, at a place envctl did not put it`,
    fix: shell(["umount", m.point]),
    mount: m.id,
    path: m.point,
  }));
}
