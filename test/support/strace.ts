// The built command under strace(1): which calls it makes, and what becomes of it when it is killed right before one of them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Project, Result, RunOptions } from "./project.ts";

/** One line of strace: `mkdirat(21</tmp/x>, "state", 0700) = 0`. */
export type Call = {
  readonly name: string;
  readonly args: string;
  readonly answer: string;
  readonly line: string;
  /** By the thread that the command began with. */
  readonly main: boolean;
};

function parse(text: string, main: boolean): Call[] {
  return text.split("\n").flatMap((line): Call[] => {
    const found = /^(\w+)\((.*?)\)? += (.*)$/.exec(line) ?? /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(line);
    if (found === null) return [];
    const [, name = "", args = "", answer = "?"] = found;
    return [{ name, args, answer, line, main }];
  });
}

type Traced = { readonly result: Result; readonly calls: readonly Call[] };

function strace(p: Project, flags: readonly string[], args: readonly string[], options: RunOptions): Traced {
  const logs = mkdtempSync(join(tmpdir(), "envctl-strace-"));
  try {
    const before = [
      "strace",
      "-qq",
      "-y",
      "-s",
      "200",
      "-o",
      join(logs, "log"),
      ...flags,
      "--",
      ...(options.before ?? []),
    ];
    const result = p.run(args, { ...options, before });
    const first = Math.min(...readdirSync(logs).map(pidOf));
    const calls = readdirSync(logs).flatMap((log) =>
      parse(readFileSync(join(logs, log), "utf8"), pidOf(log) === first),
    );
    return { result, calls };
  } finally {
    rmSync(logs, { recursive: true });
  }
}

/** -ff adds it to the name of each log. */
const pidOf = (log: string): number => Number(log.replace("log", "").replace(".", ""));

/**
 * Every call of the command, its threads and its children. libuv is denied io_uring, through which calls would go unseen: it then makes
 * them one by one.
 */
export function trace(p: Project, args: readonly string[], options: RunOptions = {}): Traced {
  return strace(p, ["-ff", "-e", "inject=io_uring_setup:error=ENOSYS"], args, options);
}

/** Calls that change nothing but the caller itself, whatever their arguments: memory, threads, time, reading, waiting. */
const HARMLESS = new Set(
  (
    "access arch_prctl brk capget clock_getres clock_gettime clock_nanosleep close close_range dup dup2 dup3 epoll_create1 epoll_ctl " +
    "epoll_pwait epoll_pwait2 epoll_wait eventfd2 exit exit_group faccessat faccessat2 fadvise64 fgetxattr fstat fstatfs fsync futex " +
    "get_mempolicy get_robust_list getcwd getdents64 getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getrandom getresgid " +
    "getresuid getrlimit getrusage getsid getsockname getsockopt gettid getuid getxattr lgetxattr listxattr lseek lstat madvise membarrier mincore mmap mprotect " +
    "mremap munmap nanosleep newfstatat pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll pread64 preadv prlimit64 read readlink " +
    "readlinkat readv restart_syscall rseq rt_sigaction rt_sigprocmask rt_sigreturn sched_get_priority_max sched_get_priority_min " +
    "sched_getaffinity sched_getparam sched_getscheduler sched_yield set_robust_list set_tid_address setfsgid setfsuid sigaltstack stat statfs statx sysinfo " +
    "timerfd_create timerfd_settime umask uname ustat wait4 waitid"
  ).split(" "),
);

/** statmount(2) and listmount(2), which strace before 6.8 has no name for; numbers above 424 are the same everywhere. */
const LOOKING = new Set(["statmount", "listmount", "syscall_0x1c9", "syscall_0x1ca"]);

/** Calls that only look with some arguments. What is not in these lists is taken to change something. */
const DEPENDS: Readonly<Record<string, (args: string) => boolean>> = {
  open: looks,
  openat: looks,
  openat2: looks,
  open_tree: (args) => !args.includes("OPEN_TREE_CLONE"),
  // To itself: pipes and eventfds between its threads; to its caller: standard output and error.
  write: toItself,
  writev: toItself,
  fcntl: (args) => /, F_(GETFD|SETFD|GETFL|SETFL|DUPFD|DUPFD_CLOEXEC|GETPIPE_SZ)\b/.test(args),
  ioctl: (args) => /, (TCGETS|TCGETS2|TIOCGWINSZ|FIOCLEX|FIONBIO|FIONREAD)\b/.test(args),
  prctl: (args) => /^PR_(SET_NAME|SET_VMA|GET_\w+|CAPBSET_READ)\b/.test(args),
  clone: isThread,
  clone3: isThread,
  // Refused by the trace itself.
  io_uring_setup: () => true,
};

function looks(args: string): boolean {
  return !/O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b/.test(args) || /"\/dev\/(null|tty)"/.test(args);
}

function toItself(args: string): boolean {
  return /^(1|2)\b|^\d+<(pipe:|anon_inode:\[eventfd\]|socket:)/.test(args);
}

function isThread(args: string): boolean {
  return args.includes("CLONE_THREAD") && !args.includes("CLONE_NEW");
}

const isHarmless = ({ name, args }: Call): boolean =>
  HARMLESS.has(name) || LOOKING.has(name) || DEPENDS[name]?.(args) === true;

/** Calls that may have changed something outside the process; the one execve(2) that started it is none. */
export function mutations(calls: readonly Call[]): readonly string[] {
  let started = 0;
  return calls.flatMap((call) =>
    isHarmless(call) || (call.name === "execve" && started++ === 0) ? [] : [call.line],
  );
}

/** A place to be killed at: right before the nth call of this name that one of the command's threads makes. */
export type Point = { readonly name: string; readonly nth: number; readonly line: string };

/** Calls whose effect outlives the process, wherever it was. */
const LASTING = new Set(
  "mkdirat chmod fchmod chown fchownat rename renameat unlinkat symlinkat openat write move_mount umount2 kill".split(
    " ",
  ),
);

/** Other threads change nothing but names of records, which waits for the disk; of those threads there is one then, and each call is the nth. */
const ONE_THREAD = { env: { UV_THREADPOOL_SIZE: "1" } };
const OF_THREADS = "rename";

/**
 * Every call of the main thread, in order, that changes something or tells another process something, and then those of other threads.
 * `lasting`: only those whose effect outlives the process.
 */
export function points(
  p: Project,
  args: readonly string[],
  lasting = false,
): { readonly result: Result; readonly points: readonly Point[] } {
  const { result, calls } = strace(p, ["-ff"], args, ONE_THREAD);
  const counts = new Map<string, number>();
  const all = calls.flatMap((call): Point[] => {
    const { name, line } = call;
    if (!call.main && name !== OF_THREADS) return [];
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    const matters = !isHarmless(call) || (name === "write" && !lasting);
    return matters && name !== "execve" && (!lasting || LASTING.has(name)) ? [{ name, nth, line }] : [];
  });
  return { result, points: all };
}

const following = (name: string): readonly string[] => (name === OF_THREADS ? ["-f"] : []);

/** Runs the command and kills it (SIGKILL) right before a call, which is then not carried out. Throws where the point was not reached. */
export function killAt(
  p: Project,
  args: readonly string[],
  { name, nth }: Point,
  options: RunOptions = {},
): void {
  const { result, calls } = strace(
    p,
    [...following(name), "-e", `trace=${name}`, "-e", `inject=${name}:signal=KILL:when=${nth}`],
    args,
    { ...options, env: { ...options.env, ...ONE_THREAD.env } },
  );
  if (result.signal === "SIGKILL") return;
  throw new Error(
    `not killed at ${name} ${nth}: it made ${calls.length} such calls and ended with ${result.code}\n${result.stderr}`,
  );
}

/** Runs the command with one of its calls refused by EIO and not carried out, as a dying disk would. */
export function failAt(p: Project, args: readonly string[], { name, nth }: Point): Result {
  const flags = [...following(name), "-e", `trace=${name}`, "-e", `inject=${name}:error=EIO:when=${nth}`];
  return strace(p, flags, args, ONE_THREAD).result;
}
