import { readFileSync } from "node:fs";
import { arch } from "node:os";
import type { Capabilities } from "#model/capabilities";
import { library } from "./ffi.ts";
import { type Installer, look } from "./launch-helpers.ts";

const NAME = "libseccomp.so.2";

/**
 * System calls that are refused (EPERM) unless a capability is kept that they are for, after Docker's profile: most ask for it anyway,
 * and a refusal here keeps their code, and its mistakes, out of reach.
 */
const OF_CAPABILITY: Readonly<Record<string, string>> = {
  SYS_ADMIN:
    "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick pivot_root " +
    "setns unshare swapon swapoff sethostname setdomainname quotactl quotactl_fd lookup_dcookie fanotify_init bpf perf_event_open",
  SYS_MODULE: "init_module finit_module delete_module create_module query_module get_kernel_syms",
  SYS_RAWIO: "iopl ioperm",
  SYS_BOOT: "reboot kexec_load kexec_file_load",
  SYS_TIME: "settimeofday stime clock_settime clock_settime64",
  SYS_PACCT: "acct",
  SYSLOG: "syslog",
  SYS_TTY_CONFIG: "vhangup",
  DAC_READ_SEARCH: "open_by_handle_at",
};
/** In any case: keyrings are not in a namespace, the others are large or dead code that ordinary programs do without. */
const ALWAYS =
  "add_key keyctl request_key userfaultfd io_uring_setup io_uring_enter io_uring_register nfsservctl uselib _sysctl sysfs vm86 vm86old";

/** libseccomp's constants (seccomp.h), and errno(3). */
const [ALLOW, ERRNO, NE, MASKED_EQ, EPERM, ENOSYS] = [0x7fff0000, 0x00050000, 1, 7, 1, 38];
/** clone(2): every kind of namespace. */
const NAMESPACES = 0x7e020000n;
/** What else this processor runs. */
const SECOND: Readonly<Record<string, string>> = { x64: "x86", arm64: "arm" };

/** Whether a filter can be made here. */
export function hasLibrary(): boolean {
  return library(NAME) !== undefined;
}

/**
 * Writes the filter for an entry as a program of the kernel's (seccomp(2)) to `fd`. @throws Error where libseccomp refuses, which is a
 * mistake of ours
 */
export function writeFilter(fd: number, { bounding }: Capabilities): void {
  newFilter(bounding)("seccomp_export_bpf", "int seccomp_export_bpf(void *ctx, int fd)", fd);
}

/**
 * Makes the same filter; what it answers puts it around the calling thread, and so around what that starts, for good. It still lets through
 * what the thread needs itself: setns(2) and unshare(2) with `key` for a sixth argument, which the kernel does not look at, and use of a
 * ring (io_uring) that exists. @throws Error where libseccomp refuses
 */
export function filterFor(bounding: readonly string[], key: bigint): () => void {
  const use = newFilter(bounding, key);
  return () => use("seccomp_load", "int seccomp_load(void *ctx)");
}

/** Answers how to use the filter, once. */
function newFilter(
  bounding: readonly string[],
  key?: bigint,
): (what: string, prototype: string, ...args: readonly number[]) => void {
  const lib = library(NAME);
  if (lib === undefined) throw new Error(`${NAME} is gone`);
  const resolve = lib("int seccomp_syscall_resolve_name(const char *name)");
  const add = lib(
    "int seccomp_rule_add_array(void *ctx, uint32_t action, int syscall, unsigned int count, const void *args)",
  );
  const ctx = lib("void *seccomp_init(uint32_t action)")(ALLOW) as unknown;
  const check = (what: string, code: number): void => {
    if (code < 0) throw new Error(`${what}: ${code}`);
  };
  const second = SECOND[arch()];
  if (second !== undefined) {
    const token = lib("uint32_t seccomp_arch_resolve_name(const char *name)")(second) as number;
    check("seccomp_arch_add", lib("int seccomp_arch_add(void *ctx, uint32_t arch)")(ctx, token) as number);
  }
  const refuse = (name: string, errno: number, args: Buffer | null = null): void => {
    const number = resolve(name) as number;
    // -1: none that this libseccomp knows; other negative ones are those of the second architecture alone.
    if (number !== -1) check(name, add(ctx, ERRNO | errno, number, args === null ? 0 : 1, args) as number);
  };
  const refuseAll = (names: string): void => {
    for (const name of names.split(" ")) {
      if (key === undefined) refuse(name, EPERM);
      else if (name === "setns" || name === "unshare") refuse(name, EPERM, comparison(5, NE, key));
      else if (name !== "io_uring_enter") refuse(name, EPERM);
    }
  };
  const lacking = Object.entries(OF_CAPABILITY).filter(([capability]) => !bounding.includes(capability));
  for (const names of [ALWAYS, ...lacking.map(([, names]) => names)]) refuseAll(names);
  if (!bounding.includes("SYS_ADMIN")) {
    for (let flag = 1n; flag <= NAMESPACES; flag <<= 1n)
      if ((flag & NAMESPACES) !== 0n) refuse("clone", EPERM, comparison(0, MASKED_EQ, flag));
    // Its flags lie in memory, where no filter looks; C libraries then use clone.
    refuse("clone3", ENOSYS);
  }
  return (what, prototype, ...args) => {
    check(what, lib(prototype)(ctx, ...args) as number);
    lib("void seccomp_release(void *ctx)")(ctx);
  };
}

/** struct scmp_arg_cmp: an argument that has all bits of `value` (MASKED_EQ), or is another number (NE). */
function comparison(index: number, how: number, value: bigint): Buffer {
  const compare = Buffer.alloc(24);
  compare.writeUInt32LE(index, 0);
  compare.writeInt32LE(how, 4);
  compare.writeBigUInt64LE(value, 8);
  compare.writeBigUInt64LE(value, 16);
  return compare;
}

/** prctl(2) on x86_64, and in the generic table. */
const PRCTL = arch() === "x64" ? 157 : 167;
// setpriv has set no_new_privs by then. 22 is PR_SET_SECCOMP, 2 a filter, the structure a sock_fprog.
const PERL = `open F, "<&=", 5 or exit 125; local $/; $_ = <F>; close F; syscall(${PRCTL}, 22, 2, pack "Sx![P]P", length() / 8, $_) == 0 or exit 125; exec { $ARGV[0] } @ARGV; exit 125`;

/** setpriv itself (util-linux 2.41), or a program after it; undefined where nothing here can make and install a filter. */
export function findInstaller(setpriv: string): Installer | undefined {
  if (!hasLibrary()) return undefined;
  if (readFileSync(setpriv).includes("seccomp-filter"))
    return { options: ["--seccomp-filter", "/proc/self/fd/5"], words: [] };
  const perl = look(["perl"]);
  return perl === undefined ? undefined : { options: [], words: [perl, "-e", PERL] };
}
