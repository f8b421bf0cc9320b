import type { AbsPath } from "#model/brand";
import type { Check } from "#model/doctor";
import { isHostUsers, mayAdminister } from "#model/rootless";
import type { Probe, Probed } from "#ports/probe";
import type { Reader } from "#ports/reader";

const PARAMETERS = "/sys/module/overlay/parameters";

/** Overlay, the mount calls, and who may use them. A filter's EPERM means unavailable, as ENOSYS does. */
export function mountChecks(reader: Reader, probe: Probe, refused?: string): readonly Check[] {
  return [
    privilege(reader, refused),
    overlay(reader),
    ...calls(probe),
    layers(probe),
    ids(reader),
    proc(probe),
    log(reader),
  ];
}

function privilege(reader: Reader, refused: string | undefined): Check {
  const base = { name: "privilege", essential: true } as const;
  const { uid, rootless } = reader;
  if (rootless !== undefined) {
    return {
      ...base,
      status: "degraded",
      found: `user ${rootless.uid}, root of a user namespace`,
      effect: "run --rm works; apply, destroy, run ENV and run -d do not",
      fix: "run envctl as root of the host (sudo envctl …)",
    };
  }
  const none = refused === undefined ? "" : `, and has no user namespace: ${refused.trim()}`;
  if (!isHostUsers(reader.readlink("/proc/self/ns/user" as AbsPath))) {
    return {
      ...base,
      status: "no",
      found: `user ${uid} of a user namespace that is not the host's${none}`,
      effect: "environments cannot be applied: the host's things are its root's",
      fix: "run envctl as root of the host (sudo envctl …), or in a container without a user namespace",
    };
  }
  if (mayAdminister(reader.textAny("/proc/self/status" as AbsPath) ?? "")) {
    return {
      ...base,
      status: "yes",
      found: uid === 0 ? "root with CAP_SYS_ADMIN" : `user ${uid} with CAP_SYS_ADMIN`,
    };
  }
  return {
    ...base,
    status: "no",
    found: uid === 0 ? "root without CAP_SYS_ADMIN (inside a container?)" : `user ${uid}${none}`,
    effect: "environments cannot be applied",
    fix: "run envctl as root (sudo envctl …)",
  };
}

function overlay(reader: Reader): Check {
  const base = { name: "overlay", essential: true } as const;
  const there = /\toverlay$/m.test(reader.textAny("/proc/filesystems" as AbsPath) ?? "");
  if (!there) {
    return {
      ...base,
      status: "no",
      found: "not in /proc/filesystems",
      effect: "nothing can be mounted",
      fix: "modprobe overlay",
    };
  }
  const options = ["index", "metacopy", "redirect_dir", "xino_auto"].filter(
    (o) => reader.textAny(`${PARAMETERS}/${o}` as AbsPath) !== undefined,
  );
  return {
    ...base,
    status: "yes",
    found: options.length > 0 ? `with ${options.join(", ")}` : "in /proc/filesystems",
  };
}

const there = (answer: Probed): boolean => answer !== "ENOSYS" && answer !== "EPERM";

function calls(probe: Probe): readonly Check[] {
  const answers = [
    ["fsopen", probe.openFileSystem("overlay"), "5.2"],
    ["open_tree", probe.call("open_tree"), "5.2"],
    ["move_mount", probe.call("move_mount"), "5.2"],
    ["mount_setattr", probe.call("mount_setattr"), "5.12"],
    ["openat2", probe.call("openat2"), "5.6"],
  ] as const;
  return answers.map(([name, answer, since]): Check => {
    if (there(answer)) return { name, status: "yes", found: "available", essential: true };
    const filtered = answer === "EPERM";
    return {
      name,
      status: "no",
      found: filtered ? "refused with EPERM (a seccomp filter, or no privilege)" : "not in this kernel",
      effect: "mounts cannot be assembled out of sight",
      fix: filtered
        ? "run outside the container, or allow the call in its seccomp profile"
        : `a kernel of ${since} or later`,
      essential: true,
    };
  });
}

function layers(probe: Probe): Check {
  const name = "overlay_layers";
  if (probe.overlayLayers("descriptor") === "ok")
    return { name, status: "yes", found: "by descriptor (FSCONFIG_SET_FD)" };
  const effect = "layers are named through /proc/self/fd: mountinfo shows numbers instead of paths";
  const found = probe.overlayLayers("string") === "ok" ? "not by descriptor" : "not one by one";
  return { name, status: "degraded", found, effect, fix: "a kernel of 6.13 or later" };
}

function ids(reader: Reader): Check {
  const name = "mount_ids";
  const root = "/" as AbsPath;
  if (reader.uniqueMountId(root) !== undefined)
    return { name, status: "yes", found: "unique ones (statx STATX_MNT_ID_UNIQUE)" };
  const found = reader.mountId(root) === undefined ? "none from statx" : "reused ones only";
  return {
    name,
    status: "degraded",
    found,
    effect: "ownership of a volume is proved by its source's inode too",
    fix: "a kernel of 6.8 or later",
  };
}

function proc(probe: Probe): Check {
  const name = "proc_pidns";
  if (probe.procPidns() === "ok")
    return { name, status: "yes", found: "proc is mounted before the entry's process is there" };
  return {
    name,
    status: "degraded",
    found: "no pidns= option",
    effect: "the entry's first process mounts proc: 2 ms more a run",
    fix: "a kernel of 6.17 or later",
  };
}

function log(reader: Reader): Check {
  const name = "kernel_log";
  const restricted = reader.textAny("/proc/sys/kernel/dmesg_restrict" as AbsPath)?.trim() === "1";
  if ((reader.uid === 0 && reader.rootless === undefined) || !restricted)
    return { name, status: "yes", found: "overlayfs's own sentences can be read (/dev/kmsg)" };
  return {
    name,
    status: "degraded",
    found: "kernel.dmesg_restrict = 1",
    effect: "a refused overlay mount shows EINVAL without overlayfs's reason",
    fix: "sysctl kernel.dmesg_restrict=0, or run as root",
  };
}
