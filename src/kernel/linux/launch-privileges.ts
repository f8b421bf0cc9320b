import { readFileSync, statSync } from "node:fs";
import type { Capabilities } from "#model/capabilities";
import type { UserIds } from "#model/launch";

/**
 * Arguments of setpriv(1) that make a process of ours one of the inside: ids and groups, a bounding set, no privileges to gain. It sets
 * a death signal (`--pdeathsig`) after the ids, whose change clears it (prctl(2)). Ids already right cost no look-up in the host's passwd.
 */
export function privileges(user: UserIds, { bounding, ambient }: Capabilities): readonly string[] {
  const self = statSync("/proc/self");
  const ids =
    self.uid === user.uid && self.gid === user.gid
      ? []
      : ["--reuid", `${user.uid}`, "--regid", `${user.gid}`];
  const groups = !maySetGroups()
    ? []
    : user.groups.length === 0
      ? ["--clear-groups"]
      : ["--groups", user.groups.join(",")];
  // root has its bounding set by itself (capabilities(7)); what the caller may have left inheritable or ambient goes.
  const own = onlyThese(user.uid === 0 ? [] : ambient);
  const caps = ["--inh-caps", own, "--ambient-caps", own, "--bounding-set", onlyThese(bounding)];
  return ["--no-new-privs", ...caps, ...ids, ...groups];
}

/** Not with a single id in a user namespace: who is kept out by a group must not be able to leave it (user_namespaces(7)). */
const maySetGroups = (): boolean => readFileSync("/proc/self/setgroups", "latin1").trim() === "allow";

const onlyThese = (names: readonly string[]): string =>
  ["-all", ...names.map((name) => `+${name.toLowerCase()}`)].join(",");
