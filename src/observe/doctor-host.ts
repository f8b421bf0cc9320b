import type { AbsPath } from "#model/brand";
import { isWithin } from "#model/brand";
import type { Check } from "#model/doctor";
import { formatBytes } from "#model/size";
import type { Probe } from "#ports/probe";
import type { Reader } from "#ports/reader";

const at = (path: string): AbsPath => path as AbsPath;

/** Namespaces, helper programs, the state directory's disk, seccomp, and whether this is a container. */
export function hostChecks(reader: Reader, probe: Probe, state: AbsPath): readonly Check[] {
  return [
    userNamespaces(reader),
    subordinateIds(reader, probe),
    ...programs(probe),
    stateDisk(probe, state),
    seccomp(reader, probe),
    container(reader),
  ];
}

/** Whether an ordinary user may make one. */
export function userNamespaces(reader: Reader): Check {
  const name = "user_namespaces";
  const effect = "rootless use will not work";
  const max = Number(reader.textAny(at("/proc/sys/user/max_user_namespaces")) ?? "0");
  if (!(max > 0))
    return {
      name,
      status: "degraded",
      found: "max_user_namespaces is 0",
      effect,
      fix: "sysctl user.max_user_namespaces=10000",
    };
  if (reader.textAny(at("/proc/sys/kernel/unprivileged_userns_clone"))?.trim() === "0") {
    return {
      name,
      status: "degraded",
      found: "for root only",
      effect,
      fix: "sysctl kernel.unprivileged_userns_clone=1",
    };
  }
  if (reader.textAny(at("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"))?.trim() === "1") {
    return {
      name,
      status: "degraded",
      found: "restricted by AppArmor",
      effect,
      fix: "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for envctl",
    };
  }
  return { name, status: "yes", found: `at most ${max}` };
}

function subordinateIds(reader: Reader, probe: Probe): Check {
  const name = "subordinate_ids";
  const { uid, rootless } = reader;
  if (uid === 0 && rootless === undefined) return { name, status: "yes", found: "not needed by root" };
  const user = rootless?.uid ?? uid;
  const who = nameOf(reader, user);
  if (rootless !== undefined && rootless.uids > 1)
    return { name, status: "yes", found: `${rootless.uids - 1} for ${who}` };
  const has = ["/etc/subuid", "/etc/subgid"].every((file) =>
    (reader.textAny(at(file)) ?? "")
      .split("\n")
      .some((line) => line.startsWith(`${who}:`) || line.startsWith(`${user}:`)),
  );
  if (has && probe.program("newuidmap") !== undefined) return { name, status: "yes", found: `for ${who}` };
  const found = has ? "no newuidmap" : `none for ${who}`;
  const ids = freeIds(reader);
  return {
    name,
    status: "degraded",
    found,
    effect: "a rootless environment has a single user",
    fix: has ? "install uidmap" : `usermod --add-subuids ${ids} --add-subgids ${ids} ${who}`,
  };
}

/** Behind all that others have: usermod takes ids that are somebody else's without a word. */
function freeIds(reader: Reader): string {
  const ends = ["/etc/subuid", "/etc/subgid"].flatMap((file) =>
    (reader.textAny(at(file)) ?? "").split("\n").map((line) => {
      const [, first, count] = line.split(":");
      return Number(first) + Number(count);
    }),
  );
  const first = Math.max(100_000, ...ends.filter(Number.isSafeInteger));
  return `${first}-${first + 65_535}`;
}

function nameOf(reader: Reader, uid: number): string {
  const line = (reader.textAny(at("/etc/passwd")) ?? "")
    .split("\n")
    .find((l) => l.split(":")[2] === String(uid));
  return line?.split(":")[0] ?? String(uid);
}

function programs(probe: Probe): readonly Check[] {
  const needed = [
    ["sh", "a POSIX shell", true],
    ["setpriv", "util-linux", true],
    ["unshare", "util-linux", true],
    ["tar", "tar", false],
  ] as const;
  return needed.map(([program, where, essential]): Check => {
    const found = probe.program(program);
    const name = `program.${program}`;
    if (found !== undefined) return { name, status: "yes", found };
    const effect = essential ? "nothing can be run inside" : "archives cannot be unpacked";
    return {
      name,
      status: essential ? "no" : "degraded",
      found: "not installed",
      effect,
      fix: `install ${where}`,
      ...(essential ? { essential } : {}),
    };
  });
}

/** What the writable layers lie on. */
function stateDisk(probe: Probe, state: AbsPath): Check {
  const name = "state_directory";
  const { type, free, readOnly } = probe.fileSystem(state);
  const found = `${state} on ${type}, ${formatBytes(free)} free`;
  if (readOnly)
    return {
      name,
      status: "no",
      found: `${found}, not writable`,
      effect: "nothing can be applied",
      fix: "name another: --state-dir DIR",
      essential: true,
    };
  if (type === "overlay" || type === "nfs" || type === "9p" || type === "fuse") {
    return {
      name,
      status: "degraded",
      found,
      effect: `overlayfs takes no upper on ${type}: only upper: { tmpfs: … } or none`,
      fix: "a state directory on a local disk: --state-dir DIR",
    };
  }
  const cleaned = ["/tmp", "/var/tmp", "/dev/shm"].find((dir) => isWithin(dir, state));
  if (cleaned !== undefined) {
    return {
      name,
      status: "degraded",
      found,
      effect: `${cleaned} is cleaned by age or at boot on many hosts, with the writable layers in it`,
      fix: "--state-dir /var/lib/envctl",
    };
  }
  return { name, status: "yes", found };
}

function seccomp(reader: Reader, probe: Probe): Check {
  const name = "seccomp";
  const effect = "off: what runs inside has no filter of system calls";
  const there = (reader.textAny(at("/proc/sys/kernel/seccomp/actions_avail")) ?? "").includes("errno");
  if (!there)
    return {
      name,
      status: "degraded",
      found: "not in this kernel",
      effect,
      fix: "a kernel with CONFIG_SECCOMP_FILTER",
    };
  const filter = probe.filter();
  if ("by" in filter) return { name, status: "yes", found: `made by libseccomp, installed by ${filter.by}` };
  return filter.missing === "library"
    ? { name, status: "degraded", found: "no libseccomp.so.2", effect, fix: "install libseccomp2" }
    : {
        name,
        status: "degraded",
        found: "nothing that installs a filter",
        effect,
        fix: "install perl, or util-linux 2.41",
      };
}

/** Whether this is one. */
export function container(reader: Reader): Check {
  const name = "container";
  const marks = ["/.dockerenv", "/run/.containerenv"].filter((file) => reader.stat(at(file)) !== undefined);
  const masked = reader
    .textAny(at("/proc/self/mountinfo"))
    ?.split("\n")
    .some((line) => / \/proc\/\S+ /.test(line) && !/ \/proc\/sys\/fs\/binfmt_misc /.test(line));
  if (marks.length === 0 && masked !== true) return { name, status: "yes", found: "not inside one" };
  const found = [...marks, ...(masked === true ? ["something is mounted below /proc"] : [])].join(", ");
  const about = {
    name,
    found: `inside one (${found})`,
    fix: "run envctl on the host, or the container with --privileged",
  };
  // mount_too_revealing() in fs/namespace.c: in a user namespace proc shows no more than the one that is mounted.
  return masked === true && reader.rootless !== undefined
    ? { ...about, status: "no", effect: "nothing can be run: mounting proc is refused", essential: true }
    : {
        ...about,
        status: "degraded",
        effect: "mounting proc may be refused, limits stay below the container's own",
      };
}
