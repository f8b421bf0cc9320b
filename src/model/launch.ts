import type { AbsPath, EnvId } from "./brand.ts";
import type { Capabilities } from "./capabilities.ts";
import type { OwnedCgroup } from "./record.ts";
import type { InnerMount, Overlay } from "./resource.ts";

/** Numbers only: names were resolved in the rootfs's own passwd and group. `name` is empty for a number without an entry. */
export type UserIds = {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
  readonly name: string;
};

/** Where the root comes from: the applied tree, or a stack that exists in the private namespace alone. */
export type LaunchRoot =
  | { readonly kind: "applied"; readonly merged: AbsPath }
  | {
      readonly kind: "private";
      readonly dir: AbsPath;
      readonly tag: string;
      readonly overlay: Overlay;
      readonly inner: readonly InnerMount[];
    };

/** Everything a launch needs; nothing in it is decided later. */
export type LaunchSpec = {
  readonly id: EnvId;
  readonly root: LaunchRoot;
  readonly command: readonly string[];
  /** The complete environment of the entry but for HOME, which the root's passwd tells (Prepared). */
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** A file says this much; resolved to UserIds once the root can be read. */
  readonly user?: string;
  readonly hostname: string;
  readonly network: "none" | "host";
  /** The groups the entry joins, at most five: one a hierarchy. Joining one on v2 waits for a grace period (some 12 ms). */
  readonly cgroups: readonly OwnedCgroup[];
  readonly capabilities: Capabilities;
  /** PID 1 is a reaper, and the entry its child. */
  readonly init: boolean;
  /** It gets a terminal of its own, which is joined to ours. */
  readonly terminal: boolean;
};

/** What only the built root can tell about a LaunchSpec. */
export type Prepared = {
  readonly user: UserIds;
  /** What is executed; begins with the rootfs's own env(1) where a variable's name is nothing a shell can export. */
  readonly argv: readonly string[];
  /** Where `argv[0]` lies inside: absolute, or relative to the working directory as it was written. */
  readonly program: string;
  /** What a shell exports for it; names are identifiers. */
  readonly env: Readonly<Record<string, string>>;
};

/** A command beside a running entry. */
export type JoinSpec = {
  /** PID 1 inside, as our namespace counts. */
  readonly pid: number;
  readonly workdir: string;
  readonly cgroups: readonly OwnedCgroup[];
  /** What it reads and writes: a terminal of its own, joined to ours; our own three; or nothing. */
  readonly stdio: "terminal" | "ours" | "none";
};

/** How a process ended. */
export type Ending = { readonly code: number } | { readonly signal: string };

// Linux's numbers on x86, arm and riscv (signal(7)); 1 is SIGHUP.
const SIGNALS =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );

/** `SIGKILL` for 9; a real-time signal is `SIG34`. */
export function signalName(number: number): string {
  return `SIG${SIGNALS[number - 1] ?? number}`;
}

/** 9 for `SIGKILL`; undefined for a name that is none. */
export function signalNumber(name: string): number | undefined {
  const short = name.replace(/^SIG/, "");
  const index = SIGNALS.indexOf(short);
  if (index >= 0) return index + 1;
  const number = /^\d{1,2}$/.test(short) ? Number(short) : 0;
  return number >= 1 && number <= 64 ? number : undefined;
}

/** What `run` exits with: the command's own status, or 128 + n where signal n ended it. */
export function exitStatus(ending: Ending): number {
  return "code" in ending ? ending.code : 128 + (signalNumber(ending.signal) ?? 0);
}
