import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { failure, KernelError } from "#model/diagnostic";
import { selfFd } from "./beneath.ts";
import { errnoName, libcFunction, refused, systemCall, type Call } from "./ffi.ts";
import { O } from "./flags.ts";
import { quote } from "./print.ts";

type Native = ReturnType<typeof libcFunction>;

const rawCloseRange: Call = systemCall("close_range", 436, ["uint", "uint", "uint"]);
const rawFcntl: Call = systemCall("fcntl", "fcntl", ["int", "int", "long"]);
const rawPoll: Call = systemCall("poll", "poll", ["void *", "ulong", "int"]);

const POLLIN = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const F_DUPFD_CLOEXEC = 1030;
// <spawn.h>: default signal actions, no blocked signals, a session of its own.
const ATTRIBUTES = 0x04 | 0x08 | 0x80;

let spawner:
  | {
      readonly spawn: Native;
      readonly actions: readonly [init: Native, dup2: Native, destroy: Native, open: Native];
      readonly attr: readonly Native[];
    }
  | undefined;

function functions(): NonNullable<typeof spawner> {
  return (spawner ??= {
    spawn: libcFunction(
      "int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attr, const char **argv, const char **envp)",
    ),
    actions: [
      libcFunction("int posix_spawn_file_actions_init(void *actions)"),
      libcFunction("int posix_spawn_file_actions_adddup2(void *actions, int fd, int newfd)"),
      libcFunction("int posix_spawn_file_actions_destroy(void *actions)"),
      libcFunction(
        "int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint mode)",
      ),
    ],
    attr: [
      libcFunction("int posix_spawnattr_init(void *attr)"),
      libcFunction("int posix_spawnattr_setflags(void *attr, short flags)"),
      libcFunction("int posix_spawnattr_setsigdefault(void *attr, void *set)"),
      libcFunction("int posix_spawnattr_setsigmask(void *attr, void *set)"),
    ],
  });
}

/**
 * Starts a program with descriptors 0-2 as they are here, or those of `stdio`, and `fds` as 3, 4, …; it inherits no other, and no
 * variable but `env` (`NAME=VALUE`). A single `stdio` is a terminal, which becomes its own. `path` is what is executed, where that is not its
 * first argument. posix_spawn(3) instead of node:child_process: a vfork of 0.4 ms where fork and its module cost 5 to 10.
 * @throws KernelError, Failure 125
 */
export function spawn(
  argv: readonly [string, ...string[]],
  env: readonly string[],
  fds: readonly number[],
  stdio: readonly [number, number, number] | number = [0, 1, 2],
  path: string = argv[0],
): number {
  // What this process itself inherited without close-on-exec must not reach an entry.
  rawCloseRange([3, 0xffffffff, CLOSE_RANGE_CLOEXEC], () => ["3", "~0U", "CLOSE_RANGE_CLOEXEC"]);
  if (typeof stdio !== "number") stdio.forEach(refuseDirectory);
  const { spawn: start, actions, attr } = functions();
  // Room for the largest of these structures (glibc's 336, 80 and 128 bytes).
  const [list, attributes, all, none] = [
    Buffer.alloc(256),
    Buffer.alloc(1024),
    Buffer.alloc(128, 0xff),
    Buffer.alloc(128),
  ];
  const high: number[] = [];
  try {
    // Moved out of the way, so that no dup2 overwrites a source of a later one.
    for (const fd of fds)
      high.push(rawFcntl([fd, F_DUPFD_CLOEXEC, 3 + fds.length], () => [String(fd), "F_DUPFD_CLOEXEC"]));
    must(actions[0](list));
    // The leader of a session that has no terminal yet takes the first one it opens for its own (credentials(7)).
    if (typeof stdio === "number") must(actions[3](list, 0, selfFd(stdio), O.RDWR, 0));
    // Node marks its own 0-2 close-on-exec; a dup2 onto itself takes the mark away.
    const own = typeof stdio === "number" ? [0, 0, 0] : stdio;
    [...own, ...high].forEach((fd, index) => must(actions[1](list, fd, index)));
    for (const [index, args] of [[], [ATTRIBUTES], [all], [none]].entries())
      must(attr[index]!(attributes, ...args));
    const pid: [number] = [0];
    const error = start(pid, path, list, attributes, [...argv, null], [...env, null]) as number;
    if (error !== 0) throw refused("execve", `execve(${quote(path)}, …)`, errnoName(error));
    return pid[0];
  } finally {
    actions[2](list);
    for (const fd of high) closeSync(fd);
  }
}

/** These answer an errno, and keep their own. @throws KernelError */
function must(errno: unknown): void {
  if (errno !== 0) throw refused("execve", "posix_spawn(…)", errnoName(errno as number));
}

/** A directory of the host's is a way to all of it: /proc/self/fd/0/.. */
function refuseDirectory(fd: number, index: number): void {
  if (!fstatSync(fd).isDirectory()) return;
  const name = ["input", "output", "error"][index];
  throw failure(125, "refused", `standard ${name} is a directory, which would lead out of the environment`, {
    hint: "give it a file, a pipe or /dev/null",
  });
}

/** Whether there is something to read within `ms`, an end of file too. @throws KernelError */
export function poll(fd: number, ms: number): boolean {
  const wanted = Buffer.alloc(8);
  wanted.writeInt32LE(fd, 0);
  wanted.writeInt16LE(POLLIN, 4);
  for (;;) {
    try {
      return rawPoll([wanted, 1, ms], () => [`{${fd}, POLLIN}`, "1", String(ms)]) !== 0;
    } catch (error) {
      // A signal that somebody here handles: poll(2) is never restarted by itself.
      if (!(error instanceof KernelError && error.errno === "EINTR")) throw error;
    }
  }
}

/** Reads what arrives within `ms`, at most `most` bytes; empty at end of file, undefined when time is up. @throws KernelError */
export function readWithin(fd: number, ms: number, most = 256): string | undefined {
  if (!poll(fd, ms)) return undefined;
  const buffer = Buffer.alloc(most);
  return buffer.toString("utf8", 0, readSync(fd, buffer));
}

/** Writes one word; false where nobody reads any more. */
export function tell(fd: number, word: string): boolean {
  try {
    return writeSync(fd, word) === word.length;
  } catch {
    return false;
  }
}
