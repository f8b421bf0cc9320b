/** What to do about a refusal, keyed by call and errno; `*` stands for every call without a line of its own. */
const HINTS: Readonly<Record<string, string>> = {
  "*:EMFILE": "too many open files in this process: raise the limit (`ulimit -n`)",
  "*:ENFILE": "the machine has no open files left: raise `sysctl fs.file-max`",
  "*:ENOSPC": "no space or no inodes left on that file system: `df -h` and `df -i` tell",
  "*:EDQUOT": "the disk quota is used up",
  "*:EROFS": "that file system is mounted read-only",
  "*:ENAMETOOLONG": "a component may have 255 bytes, a path 4095",
  "*:ENOMEM": "the kernel could not get memory for this",
  "*:EIO": "the device failed to read or write: `dmesg` tells more",

  "open:EFBIG": "such a file cannot be meant: see what is in it",
  "read:EFBIG": "such a file cannot be meant: see what is in it",
  "write:EFBIG": "this process may not make files that large (`ulimit -f`), or the file system has none",

  "open_tree:ENOSYS": "this needs Linux 5.2, or a seccomp filter hides it",
  "move_mount:ENOSYS": "this needs Linux 5.2, or a seccomp filter hides it",
  "fsopen:ENOSYS": "this needs Linux 5.2, or a seccomp filter hides it",
  "openat2:ENOSYS": "this needs Linux 5.6, or a seccomp filter hides it",
  "mount_setattr:ENOSYS": "this needs Linux 5.12, or a seccomp filter hides it",
  "*:ENOSYS": "this kernel lacks the call, or a seccomp filter hides it",

  "fsopen:ENODEV":
    "the kernel does not know this file system type: load its module with `modprobe`, see /proc/filesystems",
  "mount:ENODEV":
    "the kernel does not know this file system type: load its module with `modprobe`, see /proc/filesystems",
  "fsopen:EPERM": "mounting needs root (CAP_SYS_ADMIN); inside a container it has to be granted",
  "mount:EPERM": "mounting needs root (CAP_SYS_ADMIN); inside a container it has to be granted",
  "open_tree:EPERM": "mounting needs root (CAP_SYS_ADMIN); inside a container it has to be granted",
  "move_mount:EPERM": "mounting needs root (CAP_SYS_ADMIN); inside a container it has to be granted",
  "mount_setattr:EPERM":
    "the mount's flags are locked by a namespace above this one, or CAP_SYS_ADMIN is missing",
  "mount:ENOSPC": "this namespace holds as many mounts as it may: raise `sysctl fs.mount-max`",
  "move_mount:ENOSPC": "this namespace holds as many mounts as it may: raise `sysctl fs.mount-max`",
  "open_tree:ENOSPC": "this namespace holds as many mounts as it may: raise `sysctl fs.mount-max`",
  "open_tree:EINVAL":
    "the mount is unbindable, or what is mounted below would show what it hides: without root a volume has to be `recursive: true` there",
  "move_mount:EINVAL":
    "a file goes onto a file and a directory onto a directory, and the place must be in this mount namespace",
  "move_mount:ELOOP": "the place lies inside the tree that would be mounted there",
  "mount_setattr:EINVAL":
    "the place is no mount of this namespace (a chroot's root has to be one: `mount --bind DIR DIR` before), or the kernel does not know one of the attributes",
  "fsconfig:EINVAL": "the file system does not know this option, or refuses its value",
  "fsconfig:EBUSY":
    "upper or work is in use by another overlay, or the file system is mounted with other options",
  "fsconfig:ESTALE": "upper was made for other lowers (index=on): use the same lowers or a fresh upper",
  "fsconfig:ELOOP": "lowers, upper and work overlap, or one directory is listed twice",

  "umount2:EBUSY":
    "something still uses it: a working directory, an open file, or a mount below it (`fuser -vm` tells)",
  "umount2:EINVAL": "nothing is mounted there now",
  "umount2:EPERM": "unmounting needs root (CAP_SYS_ADMIN)",
  "pivot_root:EINVAL": "the new root must be a mount point, and neither it nor its parent may be shared",
  "unshare:EPERM": "new namespaces need root (CAP_SYS_ADMIN)",
  "unshare:ENOSPC":
    "no namespaces left: raise `sysctl user.max_mnt_namespaces` (or its pid, net, uts, ipc, user sisters)",
  "setns:EPERM": "joining a namespace needs root (CAP_SYS_ADMIN) in it",
  "setns:EINVAL":
    "that is no such namespace, or another thread of this process shares its root and working directory",

  "openat2:ELOOP": "a symlink stands in the way where none is followed",
  "openat2:ENOTDIR": "a file stands where a directory is expected",
  "openat2:EXDEV": "the path leaves its place, through a mount, a magic link or `..`",
  "realpath:ELOOP": "a symlink leads back to itself, or more than 40 follow one another",
  "openat:ELOOP": "a symlink stands where a file or directory is expected",
  "openat:ENOTDIR": "a symlink or a file stands where a directory is expected",
  "mkdirat:EEXIST": "something that is no directory is there already",
  "unlinkat:EBUSY": "something is mounted there",
  "unlinkat:ENOTEMPTY": "the directory still holds something",
  "flock:ENOLCK": "the file system has no locks: put the state directory on a local one",

  "cgroup:EBUSY": "the group uses more than that now, or has processes or children",
  "cgroup:EACCES": "the parent group does not have that, or the file is not ours to write",
  "cgroup:EINVAL": "the kernel does not take this value for this file",
  "cgroup:ERANGE": "the value is out of range for this file",
  "cgroup:ENOSPC": "cpuset: the group would be left without a CPU or memory node",
  "cgroup:ENOENT": "the controller is not enabled for this group",
  "cgroup:EOPNOTSUPP": "a group with processes, or a threaded one, cannot have this controller",
};

/** The hint for a refusal; `topic` is the system call's name, or `cgroup` for writes to a cgroup file system. */
export function hintFor(topic: string, errno: string): string | undefined {
  return HINTS[`${topic}:${errno}`] ?? HINTS[`*:${errno}`];
}
