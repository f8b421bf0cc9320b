import type { AbsPath } from "#model/brand";
import { failure } from "#model/diagnostic";
import type { LaunchSpec, Prepared, UserIds } from "#model/launch";
import type { Rootless } from "#model/rootless";
import type { Reader } from "#ports/reader";
import { findCommand, findInPath, type Lookup } from "./command.ts";
import { isExportable } from "./environment.ts";
import { resolveUser } from "./user.ts";

/**
 * Reads out of a built root what a launch still needs: who the user is, where the command lies, HOME. Every path is resolved as
 * the entry would, without leaving `root`. @throws Failure 125, 126, 127
 */
export function prepare(
  reader: Pick<Reader, "statIn" | "textIn" | "rootless">,
  spec: LaunchSpec,
  root: AbsPath,
): Prepared {
  const named = resolveUser(spec.user, reader.textIn(root, "/etc/passwd"), reader.textIn(root, "/etc/group"));
  const user = reader.rootless === undefined ? named : mappedUser(named, reader.rootless);
  checkWorkdir(reader, root, spec.workdir);
  const env: Readonly<Record<string, string>> = { HOME: user.home, ...spec.env };
  const at: Lookup = { reader, root, workdir: spec.workdir, path: env["PATH"] ?? "" };
  const program = findCommand(at, spec.command[0] ?? "");
  return { user, ...exported(at, env, spec.command, program) };
}

/** An ordinary user has but its own ids to give, and the subordinate ones it was lent. @throws Failure 125, no_user */
function mappedUser(user: UserIds, { uids, gids }: Rootless): UserIds {
  const groups = user.groups.filter((gid) => gid < gids);
  if (user.uid < uids && user.gid < gids) return { ...user, groups };
  const alone = uids === 1;
  const summary = alone
    ? `nobody but root can be inside: no subordinate ids could be used for ${user.uid}:${user.gid}`
    : `${user.uid}:${user.gid} is beyond the ${uids} subordinate ids`;
  const hint = alone
    ? "leave entry.user out; or install uidmap, and add ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
    : "usermod --add-subuids and --add-subgids add more";
  throw failure(125, "no_user", summary, { hint });
}

function checkWorkdir(reader: Pick<Reader, "statIn">, root: AbsPath, workdir: string): void {
  const type = reader.statIn(root, workdir)?.type;
  if (type === "dir") return;
  const summary =
    type === undefined
      ? `the working directory ${workdir} does not exist inside`
      : `the working directory ${workdir} is no directory inside`;
  throw failure(125, "not_directory", summary, {
    hint: "create it in the rootfs or a layer, mount a volume there, or change entry.workdir",
  });
}

/** Variables a shell cannot export are set by the rootfs's own env(1), which then executes the command. */
function exported(
  at: Lookup,
  env: Readonly<Record<string, string>>,
  command: readonly string[],
  program: string,
): Omit<Prepared, "user"> {
  const all = Object.entries(env);
  const plain = Object.fromEntries(all.filter(([name]) => isExportable(name)));
  const odd = all.filter(([name]) => !isExportable(name));
  if (odd.length === 0) return { argv: command, program, env: plain };
  const through = findInPath(at, "env");
  if (through === undefined || program.includes("=")) {
    const names = odd.map(([name]) => JSON.stringify(name)).join(", ");
    throw failure(125, "refused", `cannot set ${names} in entry.env`, {
      detail:
        "a shell cannot export a variable of this name, and the rootfs has no env(1) in PATH that could",
      hint: "rename it, or add env (coreutils, busybox) to the rootfs",
    });
  }
  return {
    // By its path: a busybox's env would prefer its own applet to a program of that name.
    argv: [through, ...odd.map(([name, value]) => `${name}=${value}`), program, ...command.slice(1)],
    program: through,
    env: plain,
  };
}
