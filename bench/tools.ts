// The same task by other means: /bin/true in a throwaway copy of a root filesystem, with one directory of the host bound to /work.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { installPackages } from "../scripts/apt.ts";
import { onPath } from "../test/support/needs.ts";
import type { Subject } from "./interleave.ts";
import { GROUP, type Workspace } from "./workspace.ts";

type Tool = {
  readonly name: string;
  readonly program: string;
  readonly pkg: string;
  /** What it does not do of what envctl does. */
  readonly without: string;
  command(w: Workspace): Command;
  /** Undoes what `command` had to put outside of the workspace. */
  cleanUp?(): void;
};

const SCHROOT = "/etc/schroot/chroot.d/envctl-bench";

/** By hand with util-linux: groups, overlay, bind and proc in namespaces of their own, chroot, clean-up. */
const script = ({ rootfs, data }: Workspace): string => `set -e
d=$(mktemp -d)
m=/sys/fs/cgroup/memory/${GROUP}.$$ c=/sys/fs/cgroup/cpuset/${GROUP}.$$
mkdir "$d/u" "$d/w" "$d/m" "$m" "$c"
trap 'rmdir "$m" "$c"; rm -rf --one-file-system "$d"' EXIT
echo 268435456 >"$m/memory.limit_in_bytes"
echo 0 >"$c/cpuset.cpus"; echo 0 >"$c/cpuset.mems"
m=$m c=$c d=$d unshare -m -p -f -u -i -n sh -c '
  echo 0 >$m/cgroup.procs; echo 0 >$c/cgroup.procs
  mount -t overlay overlay -o lowerdir=${rootfs},upperdir=$d/u,workdir=$d/w $d/m
  mount --bind ${data} $d/m/work
  mount -t proc proc $d/m/proc
  exec chroot $d/m /bin/true'
`;

/** An OCI bundle below the workspace; the overlay is mounted around the run, as a container engine does. */
function bundle({ dir, rootfs, data }: Workspace, runtime: string): string {
  const namespaces = ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type }));
  const mounts = [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
    { destination: "/work", type: "bind", source: data, options: ["bind", "rw"] },
  ];
  const spec = {
    ociVersion: "1.0.2",
    process: {
      args: ["/bin/true"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      env: ["PATH=/bin"],
      noNewPrivileges: true,
    },
    root: { path: "m" },
    hostname: "bench",
    mounts,
    linux: {
      namespaces,
      cgroupsPath: `/${GROUP}/${runtime}`,
      resources: { memory: { limit: 268435456 }, cpu: { cpus: "0" } },
    },
  };
  const at = `${dir}/${runtime}`;
  spawnSync("mkdir", ["-p", `${at}/m`]);
  writeFileSync(`${at}/config.json`, JSON.stringify(spec));
  return `set -e
cd ${at}; mkdir u w
mount -t overlay overlay -o lowerdir=${rootfs},upperdir=u,workdir=w m
trap 'umount m; rm -rf --one-file-system u w' EXIT
${runtime} --root ${at}/run run bench`;
}

type Command = readonly [string, ...string[]];

/** A command line out of text; paths come as arguments, for none of ours has a space in it. */
const words = (text: string): Command => text.trim().split(/\s+/) as unknown as Command;

const TOOLS: readonly Tool[] = [
  {
    name: "shell script: unshare, mount, chroot",
    program: "unshare",
    pkg: "util-linux",
    without: "no /dev, pivot_root, record, sweep",
    command: (w) => ["/bin/sh", w.write("script.sh", script(w))],
  },
  {
    name: "bwrap",
    program: "bwrap",
    pkg: "bubblewrap",
    without: "no overlay (root read-only), no limits",
    command: ({ rootfs, data }) =>
      words(
        `bwrap --ro-bind ${rootfs} / --bind ${data} /work --proc /proc --dev /dev --unshare-all --die-with-parent /bin/true`,
      ),
  },
  ...["crun", "runc"].map((runtime) => ({
    name: `${runtime}, overlay by mount(8)`,
    program: runtime,
    pkg: runtime,
    without: "no init layer, record, sweep",
    command: (w: Workspace): Command => ["/bin/sh", w.write(`${runtime}.sh`, bundle(w, runtime))],
  })),
  {
    name: "podman run --rm",
    program: "podman",
    pkg: "podman",
    without: "",
    // In a sandbox even root may not raise limits, and crun refuses hosts with both cgroup v1 and v2.
    command: ({ rootfs, data }) =>
      words(`podman --cgroup-manager=cgroupfs --runtime runc run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024
        --cgroup-parent /${GROUP} --memory 256m --cpuset-cpus 0 -v ${data}:/work --rootfs ${rootfs}:O /bin/true`),
  },
  {
    name: "systemd-nspawn --volatile=overlay",
    program: "systemd-nspawn",
    pkg: "systemd-container",
    without: "no limits (systemd sets them, where it runs)",
    command: ({ rootfs, data }) =>
      words(
        `systemd-nspawn -q --register=no --keep-unit --volatile=overlay -D ${rootfs} --bind=${data}:/work --private-network --pipe /bin/true`,
      ),
  },
  {
    name: "schroot, union-type=overlay",
    program: "schroot",
    pkg: "schroot",
    without: "no volume, namespaces, limits",
    command: ({ rootfs }) => {
      const settings = `type=directory directory=${rootfs} union-type=overlay profile=minimal users=root root-users=root`;
      writeFileSync(SCHROOT, `[envctl-bench]\n${settings.replaceAll(" ", "\n")}\n`);
      return words("schroot -c envctl-bench -d / -- /bin/true");
    },
    cleanUp: () => rmSync(SCHROOT, { force: true }),
  },
];

export type Candidates = {
  readonly subjects: readonly (Subject & { readonly without: string })[];
  readonly missing: readonly { readonly name: string; readonly why: string }[];
  cleanUp(): void;
};

/** Installs what is missing, tries each tool once, and leaves out what does not work here with the reason. */
export function candidates(w: Workspace): Candidates {
  installPackages(TOOLS.map(({ program, pkg }) => [program, pkg]));
  const subjects: (Subject & { without: string })[] = [];
  const missing: { name: string; why: string }[] = [];
  for (const { name, program, pkg, without, command } of TOOLS) {
    if (onPath(program) === undefined) {
      missing.push({ name, why: `${program} is not installed (package ${pkg})` });
      continue;
    }
    const argv = command(w);
    const [file, ...args] = argv;
    const tried = spawnSync(file, args, { cwd: w.dir, encoding: "utf8", timeout: 60_000 });
    if (tried.status === 0) subjects.push({ name, argv, cwd: w.dir, without });
    else missing.push({ name, why: lastLine(tried.stderr) ?? `ended with ${tried.signal ?? tried.status}` });
  }
  return { subjects, missing, cleanUp: () => TOOLS.forEach((tool) => tool.cleanUp?.()) };
}

const lastLine = (text: string): string | undefined => text.trim().split("\n").at(-1) || undefined;
