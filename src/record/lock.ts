import type { AbsPath, EnvId } from "#model/brand";
import { join } from "#model/brand";
import { failure, KernelError } from "#model/diagnostic";
import { instanceId, isEnvId, placeOf } from "#model/identity";
import type { Clock } from "#ports/clock";
import type { Files, Held } from "#ports/files";
import type { Reader } from "#ports/reader";

export type LockPorts = { readonly reader: Reader; readonly files: Files; readonly clock: Clock };
export type Waiting = LockPorts & {
  readonly lockTimeoutMs: number;
  /** What we are about, for whoever finds the lock taken: `apply web-tests`. */
  readonly command: string;
  readonly interrupted: () => boolean;
  /** Lets pending signals in. */
  readonly breathe: () => Promise<void>;
};

const BETWEEN_MS = 20;
/** Whoever sweeps takes the locks of others for less than this (engine/sweep.ts): that is no use, for which somebody would be refused. */
const SWEEP_MS = 100;

function lockPath(state: AbsPath, id: EnvId): AbsPath {
  return join(state, "locks", id);
}

/** The exclusion lock of an environment, waiting for it as long as asked. @throws Failure in_use, interrupted */
export async function acquire(host: Waiting, state: AbsPath, id: EnvId): Promise<Held> {
  const path = lockPath(state, id);
  const end = host.clock.monotonic() + Math.max(host.lockTimeoutMs, SWEEP_MS);
  for (;;) {
    const attempt = host.files.lock(path);
    if (attempt.kind === "held") {
      sign(host, path);
      return attempt.lock;
    }
    if (host.interrupted()) throw failure(1, "interrupted", "interrupted while waiting for another envctl");
    if (host.clock.monotonic() >= end) throw inUse(host.reader, path, id, attempt.holder());
    host.clock.pause(BETWEEN_MS);
    await host.breathe();
  }
}

/** The lock where it is free; undefined where somebody lives: how dead throwaway instances are told from living ones. */
export function tryAcquire(
  ports: LockPorts & { readonly command: string },
  state: AbsPath,
  id: EnvId,
): Held | undefined {
  const path = lockPath(state, id);
  const attempt = ports.files.lock(path);
  if (attempt.kind !== "held") return undefined;
  sign(ports, path);
  return attempt.lock;
}

/** A number for a throwaway instance that nobody uses, with its lock: neither locked nor left behind. */
export function claimInstance(
  ports: LockPorts & { readonly command: string },
  state: AbsPath,
  id: EnvId,
): { readonly id: EnvId; readonly lock: Held } {
  for (let n = 1; ; n++) {
    const instance = instanceId(id, n);
    if (ports.reader.lstat(placeOf(state, instance).dir) !== undefined) continue;
    const lock = tryAcquire(ports, state, instance);
    if (lock === undefined) continue;
    if (ports.reader.lstat(placeOf(state, instance).dir) === undefined) return { id: instance, lock };
    lock.release(); // another was faster and is gone already, leaving something to sweep
  }
}

/** Of what there are lock files, held or not. */
export function lockIds(reader: Reader, state: AbsPath): readonly EnvId[] {
  return (reader.listAny(join(state, "locks")) ?? []).filter(isEnvId);
}

/** Lets go. The file goes with an environment that is gone; while one exists it stays, so that waiting ones keep their place. */
export function release(ports: LockPorts, state: AbsPath, id: EnvId, lock: Held): void {
  const gone = ports.reader.lstat(placeOf(state, id).dir) === undefined;
  if (gone) ports.files.unlockAndRemove(lockPath(state, id), lock);
  else lock.release();
}

type Signature = { readonly pid: number; readonly command: string; readonly since: number };

/** Says in the lock file who holds it. A full disk is no reason to stop: destroying is what frees it. */
function sign(ports: LockPorts & { readonly command: string }, path: AbsPath): void {
  const signature: Signature = { pid: ports.reader.pid, command: ports.command, since: ports.clock.now() };
  try {
    ports.files.writeFile(path, `${JSON.stringify(signature)}\n`, 0o600);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}

function inUse(reader: Reader, path: AbsPath, id: EnvId, pid: number | undefined): Error {
  const signed = signature(reader, path);
  // A signature of another process is an old one: the holder has not signed yet.
  const who =
    signed === undefined || (pid !== undefined && pid !== signed.pid)
      ? pid === undefined
        ? ""
        : ` (pid ${pid})`
      : describe(signed);
  return failure(4, "in_use", `${id} is in use by another envctl${who}`, {
    hint: "wait for it, or give --lock-timeout more time",
  });
}

function describe({ pid, command, since }: Signature): string {
  return ` (pid ${pid}, ${command}, since ${clockTime(since)})`;
}

/** Local time, `2026-11-21 14:03:12`. */
function clockTime(seconds: number): string {
  const local = new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace("T", " ");
}

function signature(reader: Reader, path: AbsPath): Signature | undefined {
  try {
    const { pid, command, since } = JSON.parse(reader.textAny(path) ?? "") as Record<string, unknown>;
    return typeof pid === "number" && typeof command === "string" && typeof since === "number"
      ? { pid, command, since }
      : undefined;
  } catch {
    return undefined;
  }
}
