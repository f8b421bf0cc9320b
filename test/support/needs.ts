// What a test needs of the machine. Where it is missing the test is skipped with the name of the need; under CI
// scripts/test.ts asks again and fails the run when a skipped test could have run.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readMounts } from "./mountinfo.ts";

/** `mounts`: a private mount namespace can be made and mounted in. `userns`: an ordinary user may make a user namespace. `cgroup:X`: controller X is mounted somewhere, `cgroup1:X`: on v1, `cgroup2:X`: on v2. `setuid:X`: a program that is root's whoever starts it. `systemd`: it runs this machine. `account`: an ordinary user has a line in /etc/passwd. `hostpids`: the tests run in the pid namespace of the host. */
export type Need =
  | "root"
  | "mounts"
  | "userns"
  | "overlay"
  | "systemd"
  | "account"
  | "hostpids"
  | `cgroup:${string}`
  | `cgroup1:${string}`
  | `cgroup2:${string}`
  | `program:${string}`
  | `setuid:${string}`;

const quiet = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Whether an executable of this name is on PATH, or where the system's own lie. */
export function onPath(name: string): string | undefined {
  const places = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
  return places
    .filter(Boolean)
    .map((dir) => join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function controllers(versions: readonly string[]): string[] {
  return readMounts()
    .filter(({ type }) => versions.includes(type))
    .flatMap(({ type, point, options }) => {
      if (type === "cgroup2")
        return readFileSync(join(point, "cgroup.controllers"), "utf8").trim().split(" ");
      return type === "cgroup" ? options : [];
    });
}

/** The ids of an ordinary user that this machine knows. */
export function account(): { readonly uid: number; readonly gid: number } | undefined {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([, , uid, gid]) => ({ uid: Number(uid), gid: Number(gid) }))
    .find(({ uid }) => uid >= 1000 && uid < 60_000);
}

export function met(need: Need): boolean {
  if (need === "root") return process.geteuid?.() === 0;
  if (need === "mounts") return quiet("unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt");
  if (need === "userns") return quiet("setpriv", "--reuid=1000", "--clear-groups", "unshare", "-Ur", "true");
  if (need === "overlay") return /\toverlay$/m.test(readFileSync("/proc/filesystems", "utf8"));
  if (need === "systemd") return existsSync("/run/systemd/system"); // sd_booted(3)
  if (need === "hostpids") return readlinkSync("/proc/self/ns/pid") === "pid:[4026531836]"; // PROC_PID_INIT_INO
  if (need === "account") return account() !== undefined;
  const [kind, name = ""] = need.split(":");
  if (kind === "setuid") return (statSync(onPath(name) ?? "/").mode & 0o4000) !== 0;
  if (kind === "cgroup1") return controllers(["cgroup"]).includes(name);
  if (kind === "cgroup2") return controllers(["cgroup2"]).includes(name);
  return kind === "cgroup" ? controllers(["cgroup", "cgroup2"]).includes(name) : onPath(name) !== undefined;
}

/** Options for `test(title, needs("root", "program:strace"), …)`. */
export function needs(...all: readonly Need[]): { skip?: string } {
  const missing = all.filter((need) => !met(need));
  return missing.length > 0 ? { skip: `needs ${missing.join(", ")}` } : {};
}

/** Whether the reason of a skip is one of `needs()` and still true. */
export function excused(reason: unknown): boolean {
  const [, list] = /^needs (.+)$/.exec(String(reason)) ?? [];
  return list !== undefined && list.split(", ").every((need) => !met(need as Need));
}
