// Who may change this host: asked before anything is made, and before an ordinary user's empty state directory is taken for this host's.
import type { ReadHost } from "#engine/host";
import type { AbsPath } from "#model/brand";
import { failure, withoutProc } from "#model/diagnostic";
import { isHostUsers, mayAdminister } from "#model/rootless";
import type { Args } from "./args.ts";

/**
 * Lets the host's root go on; root of a namespace of envctl's may do something throwaway, while somebody waits for it. `said`: what
 * unshare(1) said where there is no such namespace. @throws Failure refused
 */
export async function refuseOthers(host: ReadHost, args: Args, said?: string): Promise<void> {
  const { reader } = host;
  const [name, throwaway, detach] = [args.command!.name, args.has("rm"), args.has("detach")];
  if (reader.rootless !== undefined && throwaway && !detach) return;
  const ours = isHostUsers(reader.readlink("/proc/self/ns/user" as AbsPath));
  if (reader.rootless === undefined && reader.uid === 0 && ours) return;
  if (name === "run" && throwaway && !detach)
    throw (await import("#engine/rootless")).noNamespace(host, said);
  const what = `${name}${detach ? " -d" : ""}`;
  const here = "envctl run --rm ENV";
  if (reader.uid === 0 && reader.rootless === undefined)
    throw failure(1, "refused", `${what} needs the host's root: user 0 is only a user namespace's here`, {
      hint: `Repeat it outside, as root of the host. What can be done here is ${here}.`,
    });
  throw failure(1, "refused", `${what} needs root: what stays on this host is root's`, {
    hint: `Repeat it with sudo, which may want --preserve-env for variables of the file. What an ordinary user can do is ${here}.`,
  });
}

/** What mounts wants more than user 0: most containers keep it from their root. @throws Failure refused */
export function refuseWithoutMounts({ reader }: ReadHost, args: Args): void {
  const status = reader.textAny("/proc/self/status" as AbsPath);
  if (status === undefined) throw withoutProc();
  if (mayAdminister(status)) return;
  throw failure(1, "refused", `${args.command!.name} needs CAP_SYS_ADMIN, which root does not have here`, {
    hint: "In a container: run envctl on the host, or start the container with --privileged. What is there: envctl doctor",
  });
}
