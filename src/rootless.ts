// An ordinary user becomes root of a user namespace before anything is loaded: Node has threads, and with threads the kernel lets nobody in.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { inHostUsers, look } from "#kernel/launch-helpers";
import type { linuxReader } from "#kernel/reader";

type Rootless = NonNullable<Parameters<typeof linuxReader>[0]["rootless"]>;

/** `inside`, or why not. */
const MARK = "_ENVCTL_NAMESPACE";

/** Tried before it is done: what unshare(1) says when it cannot would be all the caller ever sees. */
const SCRIPT = `unshare=$1 range=$2
shift 2
for ids in $range ''
do said=$("$unshare" --user --map-root-user $ids --mount "$0" -c : 2>&1) || continue
export ${MARK}=inside
exec "$unshare" --user --map-root-user $ids --mount "$@"
done
export ${MARK}="$said"
exec "$@"`;

/** Options with a value that may stand before a command, as #model/commands has them, which is too much to load for it. */
export const VALUED: readonly string[] = [
  "-C",
  "--directory",
  "--state-dir",
  "--cgroup-parent",
  "--var",
  "--lock-timeout",
  "--color",
];

/** Commands that need no more of the host than a namespace of one's own gives; `doctor` tells what there is in one. */
function wants(own: readonly string[]): boolean {
  const command = own.find((word, i) => !word.startsWith("-") && !VALUED.includes(own[i - 1] ?? ""));
  return command === "doctor" || (own.includes("run") && own.includes("--rm"));
}

/** Root, and not only of a user namespace: the host's things are then ours to change. */
export function isHostRoot(): boolean {
  return process.geteuid?.() === 0 && inHostUsers();
}

/**
 * Starts this command anew as root of a user and mount namespace, where an ordinary user runs something throwaway or asks what is possible;
 * else returns. As the same process: whoever waits for it or signals it notices nothing.
 */
export function enterNamespace(file: string): void {
  if (process.env[MARK] !== undefined || isHostRoot()) return;
  const { argv, execArgv, execPath, env } = process;
  const words = argv.slice(2);
  const end = words.indexOf("--");
  if (!wants(end < 0 ? words : words.slice(0, end)) || process.execve === undefined) return;
  const [sh, unshare] = [look(["sh"]), look(["unshare"])];
  if (sh === undefined || unshare === undefined) return;
  // unshare takes subordinate ids where the helpers that may give them are installed, and the user has some.
  const range = mayHaveIds() && look(["newuidmap"]) && look(["newgidmap"]) ? "--map-auto" : "";
  process.execve(
    sh,
    [sh, "-c", SCRIPT, sh, unshare, range, execPath, ...execArgv, file, ...words],
    env as NodeJS.ProcessEnv & Record<string, string>,
  );
}

/** False only where trying, which takes 5 ms, would be in vain: nobody but these files lends ids (subuid(5)), and this user is in neither. */
function mayHaveIds(): boolean {
  const [lent, sources] = [`${text("/etc/subuid")}${text("/etc/subgid")}`, text("/etc/nsswitch.conf")];
  if (/^subid:/m.test(sources)) return true;
  if (!lent.includes(":")) return false;
  const names = [String(process.getuid?.()), ownName()];
  return lent.split("\n").some((line) => names.includes(line.slice(0, line.indexOf(":"))));
}

function ownName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined; // an id without a name
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** Whose ids we really have, after enterNamespace: the kernel's word, the environment only says whose namespace it is. */
export function whoseNamespace(): Rootless | undefined {
  if (process.env[MARK] !== "inside" || process.geteuid?.() !== 0 || inHostUsers()) return undefined;
  const [uid, uids] = mapped("uid_map");
  const [gid, gids] = mapped("gid_map");
  return { uid, gid, uids, gids };
}

/** What unshare(1) said where it could not make one. Takes the mark away: it is no variable of the caller's. */
export function namespaceRefused(): string | undefined {
  const said = process.env[MARK];
  delete process.env[MARK];
  return said === "inside" ? undefined : said;
}

/** Lines of first id inside, first outside, how many (user_namespaces(7)); ours begins at 0 and has no gap. */
function mapped(file: "uid_map" | "gid_map"): readonly [outside: number, count: number] {
  const lines = readFileSync(`/proc/self/${file}`, "latin1").trim().split("\n");
  const numbers = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const of = numbers.find(([first]) => first === 0)?.[1] ?? 0;
  return [of, numbers.reduce((sum, [, , count = 0]) => sum + count, 0)];
}
