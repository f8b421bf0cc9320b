import { readFileSync } from "node:fs";
import { arch } from "node:os";
import type { Capabilities } from "#model/capabilities";
import { library } from "./ffi.ts";
import { processKey } from "./keyed.ts";
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
/** CLONE_NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWNET; NEWCGROUP and NEWPID, which unshare(1) makes on the way to an entry; NEWTIME of unshare(2). */
const NAMESPACES: readonly bigint[] = [0x20000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x40000000n];
const OF_HELPERS: readonly bigint[] = [0x2000000n, 0x20000000n];
const NEWTIME = 0x80n;
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
 * what the thread needs itself: calls that carry its key (keyed.ts), and use of a ring (io_uring) that exists. Helpers on the way to an
 * entry may make what only SYS_ADMIN can. @throws Error where libseccomp refuses
 */
export function filterFor(bounding: readonly string[]): () => void {
  const use = newFilter(bounding, processKey());
  return () => use("seccomp_load", "int seccomp_load(void *ctx)");
}

type Library = NonNullable<ReturnType<typeof library>>;

/** Answers how to use the filter, once. */
function newFilter(
  bounding: readonly string[],
  key?: bigint,
): (what: string, prototype: string, ...args: readonly number[]) => void {
  const lib = library(NAME);
  if (lib === undefined) throw new Error(`${NAME} is gone`);
  const init = lib("void *seccomp_init(uint32_t action)");
  const ctx = init(ALLOW) as unknown;
  const rules = { resolve: lib(RESOLVE), add: lib(ADD) };
  addRules(rules, ctx, bounding, key);
  const second = SECOND[arch()];
  if (second !== undefined) {
    // A filter of its own: of a key its 32 bits could be guessed.
    const other = init(ALLOW) as unknown;
    const token = lib("uint32_t seccomp_arch_resolve_name(const char *name)")(second) as number;
    check("seccomp_arch_add", lib("int seccomp_arch_add(void *ctx, uint32_t arch)")(other, token));
    check("seccomp_arch_remove", lib("int seccomp_arch_remove(void *ctx, uint32_t arch)")(other, 0));
    addRules(rules, other, bounding);
    check("seccomp_merge", lib("int seccomp_merge(void *ctx, void *other)")(ctx, other));
  }
  return (what, prototype, ...args) => {
    check(what, lib(prototype)(ctx, ...args));
    lib("void seccomp_release(void *ctx)")(ctx);
  };
}

function check(what: string, code: unknown): void {
  if ((code as number) < 0) throw new Error(`${what}: ${code as number}`);
}

const RESOLVE = "int seccomp_syscall_resolve_name(const char *name)";
const ADD =
  "int seccomp_rule_add_array(void *ctx, uint32_t action, int syscall, unsigned int count, const void *args)";

function addRules(
  { resolve, add }: Readonly<Record<"resolve" | "add", ReturnType<Library>>>,
  ctx: unknown,
  bounding: readonly string[],
  key?: bigint,
): void {
  const refuse = (name: string, errno: number, ...args: readonly Buffer[]): void => {
    const number = resolve(name) as number;
    // -1: none that this libseccomp knows; other negative ones are those of the second architecture alone.
    if (number !== -1)
      check(
        name,
        add(ctx, ERRNO | errno, number, args.length, args.length === 0 ? null : Buffer.concat(args)),
      );
  };
  const unlessKey = key === undefined ? [] : [comparison(5, NE, key)];
  const may = new Set(bounding);
  const refused = Object.entries(OF_CAPABILITY).flatMap(([capability, names]) =>
    may.has(capability) ? [] : names.split(" "),
  );
  for (const name of [...ALWAYS.split(" "), ...refused]) {
    // It has six arguments of its own.
    if (name === "io_uring_enter" && key !== undefined) continue;
    if (name === "unshare" && key !== undefined) {
      for (const flag of [...NAMESPACES, NEWTIME])
        refuse(name, EPERM, comparison(0, MASKED_EQ, flag), ...unlessKey);
    } else refuse(name, EPERM, ...unlessKey);
  }
  if (may.has("SYS_ADMIN")) return;
  for (const flag of [...NAMESPACES, ...OF_HELPERS]) refuse("clone", EPERM, comparison(0, MASKED_EQ, flag));
  // Its flags lie in memory, where no filter looks; C libraries then use clone.
  refuse("clone3", ENOSYS);
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
