import { type AbsPath, isWithin, parentOf } from "#model/brand";
import { withoutProc } from "#model/diagnostic";
import { mountTag } from "#model/identity";
import { mountById, parseMountinfo } from "#model/mountinfo";
import type { Elsewhere, Host, MountEntry } from "#model/observed";
import type { EnvRecord } from "#model/record";
import type { Reader } from "#ports/reader";
import { readHierarchies } from "./hierarchies.ts";
import { allPids, commandOf, mountNamespaceOf, pidNamespace, proc, quietly } from "./proc.ts";

/** The text of this namespace's mount table. @throws Failure refused */
export function readMountinfo(reader: Reader): string {
  const text = reader.textAny(proc("self", "mountinfo"));
  if (text === undefined) throw withoutProc();
  return text;
}

/** What all environments share: read once, handed to each `observe`. `cgroupParent`: the group, seen from each hierarchy's root, to stay below. */
export function lookAtHost(reader: Reader, cgroupParent?: string): Host {
  const mountinfo = readMountinfo(reader);
  const pids = pidNamespace(reader);
  return {
    boot: reader.text("/proc/sys/kernel/random/boot_id" as AbsPath).trim(),
    mountNamespace: mountNamespaceOf(reader, "self") ?? "",
    ...(pids === undefined ? {} : { pidNamespace: pids }),
    mountinfo,
    hierarchies: readHierarchies(reader, mountinfo, cgroupParent),
  };
}

/** The mount a path lies on, found from its nearest directory that exists. */
export function coveringMount(reader: Reader, mountinfo: string, path: AbsPath): MountEntry | undefined {
  let at = path;
  while (at !== "/" && reader.stat(at) === undefined) at = parentOf(at);
  const id = reader.mountId(at);
  if (id !== undefined) return mountById(mountinfo, id);
  // Before 5.8: the last one with the longest point that is a prefix.
  return parseMountinfo(mountinfo).reduce<MountEntry | undefined>((best, m) => {
    return isWithin(m.point, at) && m.point.length >= (best?.point.length ?? 0) ? m : best;
  }, undefined);
}

/** PROC_PID_INIT_INO: the host's own, which is there as long as the host is. */
const HOST_PIDS = "4026531836";

/** Where a recorded mount namespace that is not ours stands: who lives there, or which bind mount keeps it. */
export function lookElsewhere(reader: Reader, host: Host, record: EnvRecord): Elsewhere {
  const namespace = record.mountNamespace;
  const tag = ` ${mountTag(record.lineage, record.id)} `;
  // Numbers are given again: a namespace in which nothing of ours is mounted is another one, or as good as gone.
  const pids = allPids(reader).filter(
    (p) =>
      mountNamespaceOf(reader, p) === namespace &&
      quietly(() => reader.textAny(proc(p, "mountinfo")))?.includes(tag) === true,
  );
  // One that has a command line, where there is one: the kernel's own workers come and go.
  const pid = pids.find((p) => !commandOf(reader, p).startsWith("[")) ?? pids[0];
  if (pid !== undefined) return { namespace, alive: { pid, command: commandOf(reader, pid) } };
  // `unshare --mount=FILE` keeps a namespace without processes: nsfs shows it as the root of a mount.
  const kept = parseMountinfo(host.mountinfo, [` mnt:[${namespace}] `]).find(
    (m) => m.root === `mnt:[${namespace}]`,
  );
  const hidden = record.pidNamespace === HOST_PIDS && host.pidNamespace !== HOST_PIDS;
  const command =
    kept !== undefined
      ? `(kept by the bind mount ${kept.point})`
      : "(of the host, whose processes are not seen from this pid namespace)";
  return { namespace, ...(kept !== undefined || hidden ? { alive: { pid: 0, command } } : {}) };
}
