import type { DetachedRun, Readiness } from "#model/detached";
import { Failure, KernelError } from "#model/diagnostic";
import type { Ending } from "#model/launch";
import type { Ready } from "#model/spec";
import { listening } from "#observe/listening";
import { allPids, proc, quietly } from "#observe/proc";
import { lives } from "#observe/runs";
import type { Running } from "#ports/processes";
import type { ControlHost } from "./host.ts";
import { startBeside } from "./exec.ts";
import { lookAgain } from "./runs.ts";

/** Pauses between looks (ms) grow from the first to the second. */
const [FIRST_MS, LONGEST_MS] = [5, 250];
/** The same while a command decides. */
const [SHORT_MS, LONG_MS] = [1, 50];

/** Looks until a run is ready, has ended, time is up or a signal asks us to stop. It goes on whatever the answer; nothing is locked. */
export async function awaitReady(
  host: ControlHost,
  run: DetachedRun,
  { probe, timeoutMs }: Ready,
): Promise<Readiness> {
  const end = host.clock.monotonic() + timeoutMs;
  let why: string | undefined;
  for (let pause = FIRST_MS; ; pause = Math.min(1.5 * pause, LONGEST_MS)) {
    const now = lookAgain(host, run);
    if (now.state !== "running") return { is: "ended", run: now };
    why = await missing(host, run, probe, { end, before: why });
    if (why === undefined) return { is: "ready" };
    if (host.interrupted()) return { is: "interrupted", why };
    const left = end - host.clock.monotonic();
    if (left <= 0) return { is: "late", why };
    host.clock.pause(Math.min(pause, left));
    await host.breathe();
  }
}

/** Until when a look may take, and what the one before answered. */
type Looking = { readonly end: number; readonly before: string | undefined };

/** One look: what is missing; undefined where nothing is. */
async function missing(
  host: ControlHost,
  run: DetachedRun,
  probe: Ready["probe"],
  looking: Looking,
): Promise<string | undefined> {
  const { entry } = run.record;
  // Its number must not be another's by now; how it ended is known once its supervisor has.
  if (!lives(host.reader, entry)) return "it has ended";
  try {
    if (probe.kind === "tcp") return notListening(host, entry.pid, probe.port);
    if (probe.kind === "exec") return await failing(host, run, probe.command, looking);
    return host.reader.statIn(proc(entry.pid, "root"), probe.path) === undefined
      ? `${probe.path} does not exist inside`
      : undefined;
  } catch (error) {
    // What cannot be asked yet may be soon: a command that is still being installed, a path that is still a loop.
    if (error instanceof Failure) return error.message;
    if (error instanceof KernelError) return error.message;
    throw error;
  }
}

/** In the entry's own network nobody else can listen; on the host's it has to be the run's own socket. */
function notListening({ reader }: ControlHost, pid: number, port: number): string | undefined {
  const inodes = ["tcp", "tcp6"].flatMap((file) =>
    listening(reader.textAny(proc(pid, `net/${file}`)) ?? "", port),
  );
  if (inodes.length === 0) return `nothing listens on port ${port}`;
  const namespace = (of: number | "self", kind: string): string | undefined =>
    quietly(() => reader.readlink(proc(of, `ns/${kind}`)));
  if (namespace(pid, "net") !== namespace("self", "net")) return undefined;
  const sockets = new Set(inodes.map((inode) => `socket:[${inode}]`));
  const own = namespace(pid, "pid");
  const holds = (one: number): boolean =>
    (quietly(() => reader.listAny(proc(one, "fd"))) ?? []).some((fd) =>
      sockets.has(quietly(() => reader.readlink(proc(one, `fd/${fd}`))) ?? ""),
    );
  return allPids(reader).some((one) => namespace(one, "pid") === own && holds(one))
    ? undefined
    : `another process of the host listens on port ${port}`;
}

/** A command beside the entry, ended where it takes longer than there is time. */
async function failing(
  host: ControlHost,
  run: DetachedRun,
  command: readonly string[],
  { end, before }: Looking,
): Promise<string | undefined> {
  const running = startBeside(host, run, command, "none");
  const ending = await endingBy(host, running, end);
  if (ending === undefined) {
    running.signal("SIGKILL", "group");
    await running.ended;
    return before === undefined ? "the check does not end" : `${before}; the last time it did not end`;
  }
  if ("signal" in ending) return `the check was ended by ${ending.signal}`;
  return ending.code === 0 ? undefined : `the check exits with ${ending.code}`;
}

/** undefined where it has not ended by then, or a signal asks us to stop. */
async function endingBy(host: ControlHost, running: Running, end: number): Promise<Ending | undefined> {
  let ending: Ending | undefined;
  void running.ended.then((how) => (ending = how));
  for (let pause = SHORT_MS; ending === undefined; pause = Math.min(1.5 * pause, LONG_MS)) {
    const left = end - host.clock.monotonic();
    if (left <= 0 || host.interrupted()) break;
    host.clock.pause(Math.min(pause, left));
    await host.breathe();
  }
  return ending;
}
