import type { Ownership } from "./resource.ts";

/**
 * An ordinary user who is root of a user namespace of envctl's making (user_namespaces(7)). `uid` and `gid`: who that is outside; `uids`
 * and `gids`: how many numbers from 0 on stand for somebody inside: one, or one and a range of subordinate ids.
 */
export type Rootless = {
  readonly uid: number;
  readonly gid: number;
  readonly uids: number;
  readonly gids: number;
};

/** What /proc/self/ns/user is in the first user namespace, on every kernel (PROC_USER_INIT_INO in include/linux/proc_ns.h). */
const HOST_USERS = "user:[4026531837]";

/** Whether ids are the host's, by what /proc/self/ns/user is: root of another user namespace may do no more than an ordinary user
 * (user_namespaces(7)). Where there are no user namespaces there is no such file. */
export const isHostUsers = (namespace: string | undefined): boolean =>
  (namespace ?? HOST_USERS) === HOST_USERS;

/** CAP_SYS_ADMIN (capabilities(7)): mounts, namespaces and pivot_root are for those who have it. */
const SYS_ADMIN = 21n;

/** Whether a process has that capability, by its /proc/PID/status (proc_pid_status(5)). */
export function mayAdminister(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> SYS_ADMIN) & 1n) === 1n;
}

/** What the kernel shows for an id that nobody has inside (/proc/sys/kernel/overflowuid). */
const NOBODY = 65534;

/** An owner that can be given to something new: for one who is nobody in our namespace, ourselves. */
export function givable<T extends Ownership>(owner: T, rootless: Rootless | undefined): T {
  if (rootless === undefined) return owner;
  const own = (id: number, count: number): number => (id === NOBODY || id >= count ? 0 : id);
  return { ...owner, uid: own(owner.uid, rootless.uids), gid: own(owner.gid, rootless.gids) };
}
