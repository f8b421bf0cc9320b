import type { Entry } from "./spec.ts";

/** capabilities(7) in the order of <linux/capability.h>: the index is the bit. */
export const CAPABILITIES: readonly string[] =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT
  SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
  SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`.split(
    /\s+/,
  );

/**
 * What root inside keeps where the file says nothing: Docker's list without MKNOD, since a block device made inside is the host's disk.
 * None of them changes a mount, loads code into the kernel or reads past a file's owner by handle.
 */
export const DEFAULT_CAPABILITIES: readonly string[] =
  "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT AUDIT_WRITE SETFCAP".split(
    " ",
  );

/** `bounding`: all that any process inside can ever have. `ambient`: what an ordinary user's has from the start. In the kernel's order. */
export type Capabilities = { readonly bounding: readonly string[]; readonly ambient: readonly string[] };

/** Whether a mask as /proc/PID/status prints it holds a capability. */
export const holds = (mask: bigint, name: string): boolean =>
  ((mask >> BigInt(CAPABILITIES.indexOf(name))) & 1n) === 1n;

/**
 * What an entry may do, as Docker reads `drop` and `add` (ALL first, then single names, add last). `held` is the caller's own bounding
 * set: nobody can give what it lacks. Sharing the host's network takes NET_RAW away, which would read and forge the host's packets.
 */
export function capabilitiesOf(
  { capabilities: { drop, add }, network }: Pick<Entry, "capabilities" | "network">,
  held: bigint,
): Capabilities {
  const all = CAPABILITIES.filter((name) => holds(held, name));
  const usual = DEFAULT_CAPABILITIES.filter((name) => network === "none" || name !== "NET_RAW");
  const base = add.includes("ALL") ? all : drop.includes("ALL") ? [] : usual;
  const wanted = new Set([...base.filter((name) => !drop.includes(name)), ...add]);
  const asked = add.includes("ALL") ? wanted : new Set(add);
  return {
    bounding: all.filter((name) => wanted.has(name)),
    ambient: all.filter((name) => asked.has(name)),
  };
}
