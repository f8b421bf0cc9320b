import { join } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { ProcessId } from "#model/detached";
import type { OwnedCgroup } from "#model/record";
import { commandOf } from "#observe/proc";
import { lives } from "#observe/runs";
import type { Cgroups } from "#ports/cgroups";
import type { Reader } from "#ports/reader";
import { frozenBy, thaw } from "./freeze.ts";
import { groupTree, processesIn, proveGroup, type Owner } from "./groups.ts";

/** Pauses between looks (ms): they grow from the first to the second; all of them together are as long as the third. */
const [FIRST_MS, LONGEST_MS, PATIENCE_MS] = [1, 100, 10_000];

/**
 * Kills every process in an environment's groups and waits until they are empty. Where v2 is mounted cgroup.kill takes whole
 * groups at once, forks in flight included (cgroup-v2.rst, Linux 5.14); the rest is killed one by one, again and again, since a
 * process may fork between the look and the kill. What somebody froze goes on, to its end. Answers how many there were.
 * @throws Failure busy where some do not end (uninterruptible sleep, a freezer that is not ours), or where this envctl is one of them
 */
export function stopProcesses(
  ports: { readonly reader: Reader; readonly cgroups: Cgroups },
  owner: Owner,
  groups: readonly OwnedCgroup[],
): number {
  const { reader, cgroups } = ports;
  const dirs = groups.map((g) => g.dir);
  for (const dir of dirs) proveGroup(owner, dir);
  const met = new Set<number>();
  for (let pause = FIRST_MS, waited = 0; ; pause = Math.min(2 * pause, LONGEST_MS)) {
    const pids = processesIn(reader, dirs);
    if (pids.size === 0) return met.size;
    // The number of whoever is in no pid namespace of ours (pid_namespaces(7)).
    if (pids.has(0)) {
      throw failure(5, "busy", `processes of ${owner.id} live in another pid namespace`, {
        hint: "repeat the command where they are seen: on the host, or outside this container",
      });
    }
    if (pids.has(reader.pid)) {
      throw failure(5, "busy", `this envctl runs inside ${owner.id}`, {
        hint: "repeat the command from outside the environment",
      });
    }
    if (waited >= PATIENCE_MS) throw stuck(reader, owner.id, pids);
    for (const { dir, version } of groups) if (version === 2) killGroup(ports, dir);
    for (const pid of processesIn(reader, dirs)) {
      met.add(pid);
      cgroups.kill(pid);
    }
    thaw(ports, owner, dirs);
    for (const pid of pids) met.add(pid);
    cgroups.pause(pause);
    waited += pause;
  }
}

/** Waits for processes that end by themselves now; answers whether they did. */
export function awaitGone(
  { reader, cgroups }: { readonly reader: Reader; readonly cgroups: Cgroups },
  processes: readonly ProcessId[],
): boolean {
  for (
    let pause = FIRST_MS, waited = 0;
    processes.some((p) => lives(reader, p));
    pause = Math.min(2 * pause, LONGEST_MS)
  ) {
    if (waited >= PATIENCE_MS) return false;
    cgroups.pause(pause);
    waited += pause;
  }
  return true;
}

function killGroup(
  { reader, cgroups }: { readonly reader: Reader; readonly cgroups: Cgroups },
  dir: OwnedCgroup["dir"],
): void {
  const file = "cgroup.kill";
  // It takes groups below along.
  if (groupTree(reader, dir).length > 0 && reader.stat(join(dir, file)) !== undefined)
    cgroups.write(dir, file, "1");
}

/** Processes that were sent SIGKILL and are still there. */
export function stuck(reader: Reader, whose: string, pids: Iterable<number>): Error {
  const all = [...pids];
  const frozen = new Set(all.flatMap((pid) => frozenBy(reader, pid) ?? []));
  const thawing = [...frozen].map((dir) => `echo THAWED > ${dir}/freezer.state`).join("; ");
  return failure(5, "busy", `processes of ${whose} do not end after SIGKILL`, {
    detail: all.map((pid) => `${pid} ${commandOf(reader, pid)}`).join("; "),
    hint:
      thawing === ""
        ? "they wait for a device; repeat the command when it has answered"
        : `somebody froze them; they end once they go on: ${thawing}`,
  });
}
