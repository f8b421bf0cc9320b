// The machines the suite runs in beside the developer's own: Debian's kernels, each with a layout of cgroups.

export type Machine = {
  readonly name: string;
  /** A kernel package of Debian; the meta package leads to the newest of its series. */
  readonly kernel: string;
  /** How /sys/fs/cgroup looks: v2 alone, v1 alone, or v1 with an empty v2 beside it. */
  readonly cgroup: "v2" | "v1" | "hybrid";
  /** Its first process, where that is no shell script that mounts what there is. */
  readonly init?: "systemd";
};

const machine = (series: string, kernel: string, cgroup: Machine["cgroup"]): Machine => ({
  name: `${series}-${cgroup}`,
  kernel,
  cgroup,
});

export const machines: readonly Machine[] = [
  machine("6.1", "linux-image-cloud-amd64", "v2"),
  machine("6.1", "linux-image-cloud-amd64", "v1"),
  machine("6.1", "linux-image-cloud-amd64", "hybrid"),
  machine("6.12", "linux-image-6.12-cloud-amd64", "v2"),
  { ...machine("6.12", "linux-image-6.12-cloud-amd64", "v2"), name: "6.12-systemd", init: "systemd" },
];

/** What `npm test -- vm` and CI run: the rows that depend most on kernel and cgroups, on the older kernel with v2; what needs systemd. */
export const quick: readonly { readonly machine: string; readonly files: readonly string[] }[] = [
  {
    machine: "6.1-v2",
    files: ["doctor", "kernels", "limits", "memory"].map((name) => `test/e2e/${name}.test.ts`),
  },
  { machine: "6.12-systemd", files: ["test/e2e/systemd.test.ts"] },
];

/** Modules loaded at boot, with all they depend on: the disk, its file system, and what the tests mount. */
export const modules: readonly string[] = [
  "virtio_pci",
  "virtio_blk",
  "ext4",
  "overlay",
  "loop",
  "squashfs",
  "erofs",
];

/** Debian packages the machines' root consists of, with all they depend on; Node and the rest come from npm. */
export const packages: readonly string[] = [
  "usr-is-merged",
  "bash",
  "bsdutils",
  "busybox-static",
  "bzip2",
  "coreutils",
  "dash",
  "diffutils",
  "erofs-utils",
  "findutils",
  "grep",
  "gzip",
  "hostname",
  "kmod",
  "libatomic1",
  "libc-bin",
  "libseccomp2",
  "libstdc++6",
  "mount",
  "perl-base",
  "procps",
  "sed",
  "squashfs-tools",
  "strace",
  "systemd",
  "tar",
  "tini",
  "uidmap",
  "util-linux",
  "xz-utils",
  "zstd",
];

/** What this machine needs to make and boot them: program and its Debian package. */
export const tools: readonly (readonly [program: string, pkg: string])[] = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["cpio", "cpio"],
  ["xz", "xz-utils"],
  ["mke2fs", "e2fsprogs"],
];
