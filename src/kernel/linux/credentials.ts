import { readFileSync } from "node:fs";
import type { UserIds } from "#model/launch";
import { systemCall, type Call } from "./ffi.ts";
import { prctl } from "./syscalls-process.ts";

// By number: libc's functions of these names change every thread of the process.
const rawGetgroups: Call = systemCall("getgroups", [115, 158], ["int", "void *"]);
const rawSetgroups: Call = systemCall("setgroups", [116, 159], ["int", "void *"]);
const rawSetresuid: Call = systemCall("setresuid", [117, 147], ["uint", "uint", "uint"]);
const rawSetresgid: Call = systemCall("setresgid", [119, 149], ["uint", "uint", "uint"]);
const rawCapget: Call = systemCall("capget", [125, 90], ["void *", "void *"]);
const rawCapset: Call = systemCall("capset", [126, 91], ["void *", "void *"]);

const PR = { CAPBSET_READ: 23, CAPBSET_DROP: 24, SET_NO_NEW_PRIVS: 38, CAP_AMBIENT: 47 } as const;
const AMBIENT = { RAISE: 2, CLEAR_ALL: 4 } as const;

/** What a process may do: capability sets as masks (proc_pid_status(5)). */
export type Rights = {
  readonly bounding: bigint;
  readonly ambient: bigint;
  /** A seccomp filter is around it. */
  readonly filtered: boolean;
};

/** @throws Error of Node where it is gone */
export function rightsOf(pid: number): Rights {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const mask = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`);
  return { bounding: mask("CapBnd"), ambient: mask("CapAmb"), filtered: /^Seccomp:\s*2$/m.test(status) };
}

/**
 * Runs `work`, whose children are another user's, with these capabilities to have and none to gain. Of the calling thread alone, and of
 * its ids only until `work` returns: the saved ones stay 0, which execve(2) forgets. The bounding set and no_new_privs stay as they
 * are made here: a process does this once, and executes nothing for itself afterwards.
 */
export function asInside<T>(user: UserIds, { bounding, ambient }: Rights, work: () => T): T {
  prctl("PR_SET_NO_NEW_PRIVS", PR.SET_NO_NEW_PRIVS, 1);
  for (let cap = 0; cap < 64 && hasCapability(cap); cap++)
    if (((bounding >> BigInt(cap)) & 1n) === 0n) prctl("PR_CAPBSET_DROP", PR.CAPBSET_DROP, cap);
  const groups = ownGroups();
  // root has its bounding set by itself (capabilities(7)).
  const handed = user.uid === 0 ? 0n : ambient;
  const inheritable = setInheritable(handed);
  try {
    for (let cap = 0; cap < 64; cap++)
      if (((handed >> BigInt(cap)) & 1n) === 1n) prctl("PR_CAP_AMBIENT", PR.CAP_AMBIENT, AMBIENT.RAISE, cap);
    setGroups(user.groups);
    setIds(rawSetresgid, user.gid);
    setIds(rawSetresuid, user.uid);
    return work();
  } finally {
    setIds(rawSetresuid, 0);
    setIds(rawSetresgid, 0);
    setGroups(groups);
    prctl("PR_CAP_AMBIENT", PR.CAP_AMBIENT, AMBIENT.CLEAR_ALL);
    setInheritable(inheritable);
  }
}

/** Whether the kernel knows a capability of this number. */
function hasCapability(cap: number): boolean {
  try {
    prctl("PR_CAPBSET_READ", PR.CAPBSET_READ, cap);
    return true;
  } catch {
    return false;
  }
}

function setIds(call: Call, id: number): void {
  call([id, id, 0], () => [String(id), String(id), "0"]);
}

function ownGroups(): readonly number[] {
  const count = rawGetgroups([0, null], () => ["0", "NULL"]);
  const list = Buffer.alloc(4 * count);
  rawGetgroups([count, list], () => [String(count), "[…]"]);
  return Array.from({ length: count }, (_, i) => list.readUInt32LE(4 * i));
}

function setGroups(groups: readonly number[]): void {
  const list = Buffer.from(Uint32Array.from(groups).buffer);
  rawSetgroups([groups.length, list], () => [String(groups.length), `[${groups.join(", ")}]`]);
}

/** Sets the inheritable set of this thread; answers what it was. <linux/capability.h>, version 3: two words for each of three sets. */
function setInheritable(mask: bigint): bigint {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0);
  const data = Buffer.alloc(24);
  rawCapget([header, data], () => ["{version 3, 0}", "[…]"]);
  const was = BigInt(data.readUInt32LE(8)) | (BigInt(data.readUInt32LE(20)) << 32n);
  if (was === mask) return was;
  data.writeUInt32LE(Number(mask & 0xffffffffn), 8);
  data.writeUInt32LE(Number(mask >> 32n), 20);
  rawCapset([header, data], () => ["{version 3, 0}", `inheritable ${mask.toString(16)}`]);
  return was;
}
