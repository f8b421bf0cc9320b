import assert from "node:assert/strict";
import test from "node:test";
import { KernelError } from "#model/diagnostic";
import { AT, AT_FDCWD, CLONE, LOCK, MOUNT_ATTR, MS, O, OPEN_TREE, RESOLVE, UMOUNT } from "#kernel/flags";
import { hintFor } from "#kernel/hints";
import * as file from "#kernel/syscalls-file";
import * as mount from "#kernel/syscalls-mount";
import * as proc from "#kernel/syscalls-process";
import { kernelSince } from "./fixture.ts";

const NONE = "/nonexistent/x";
const BAD = 9999;

type Row = { readonly call: () => unknown; readonly prints: string; readonly errno: string };

const rows: readonly Row[] = [
  {
    call: () => file.openat(AT_FDCWD, NONE, 0),
    prints: `openat(AT_FDCWD, "${NONE}", O_RDONLY|O_CLOEXEC)`,
    errno: "ENOENT",
  },
  {
    call: () => file.openat(AT_FDCWD, NONE, O.WRONLY | O.CREAT | O.EXCL, 0o600),
    prints: `openat(AT_FDCWD, "${NONE}", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600)`,
    errno: "ENOENT",
  },
  {
    call: () => file.openat2(AT_FDCWD, NONE, O.PATH | O.NOFOLLOW, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS),
    prints: `openat2(AT_FDCWD, "${NONE}", {flags=O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_PATH, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT}, 24)`,
    errno: "ENOENT",
  },
  { call: () => file.close(BAD), prints: "close(9999)", errno: "EBADF" },
  {
    call: () => file.statxMountId(AT_FDCWD, NONE, 0, true),
    prints: `statx(AT_FDCWD, "${NONE}", 0, STATX_MNT_ID_UNIQUE, {…})`,
    errno: "ENOENT",
  },
  {
    call: () => file.mkdirat(AT_FDCWD, "/nonexistent/a\nb", 0o755),
    prints: 'mkdirat(AT_FDCWD, "/nonexistent/a\\nb", 0755)',
    errno: "ENOENT",
  },
  {
    call: () => file.symlinkat("to", AT_FDCWD, NONE),
    prints: `symlinkat("to", AT_FDCWD, "${NONE}")`,
    errno: "ENOENT",
  },
  {
    call: () => file.unlinkat(BAD, Uint8Array.of(0x61, 0xff, 0x22), true),
    prints: 'unlinkat(9999, "a\\377\\"", AT_REMOVEDIR)',
    errno: "EBADF",
  },
  {
    call: () => file.renameat(BAD, "a", AT_FDCWD, "b"),
    prints: 'renameat(9999, "a", AT_FDCWD, "b")',
    errno: "EBADF",
  },
  { call: () => file.fchmod(BAD, 0o1777), prints: "fchmod(9999, 01777)", errno: "EBADF" },
  { call: () => file.fchown(BAD, 1, 2), prints: "fchown(9999, 1, 2)", errno: "EBADF" },
  { call: () => file.flock(BAD, LOCK.EX | LOCK.NB), prints: "flock(9999, LOCK_EX|LOCK_NB)", errno: "EBADF" },
  { call: () => file.pipe2(0x80000000 | 0), prints: "pipe2([…], O_CLOEXEC|0x80000000)", errno: "EINVAL" },
  {
    call: () => file.ioctl(BAD, "TIOCSCTTY", 0x540e, 0),
    prints: "ioctl(9999, TIOCSCTTY, 0)",
    errno: "EBADF",
  },
  { call: () => file.fstatfsMagic(BAD), prints: "fstatfs(9999)", errno: "ENOENT" },
  {
    call: () => mount.openTree(AT_FDCWD, NONE, OPEN_TREE.CLONE | AT.RECURSIVE),
    prints: `open_tree(AT_FDCWD, "${NONE}", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE)`,
    errno: "ENOENT",
  },
  {
    call: () => mount.moveMount(BAD, BAD),
    prints: 'move_mount(9999, "", 9999, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)',
    errno: "EBADF",
  },
  {
    call: () =>
      mount.mountSetattr(BAD, "", AT.EMPTY_PATH | AT.RECURSIVE, {
        set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID,
        clear: MOUNT_ATTR.NOEXEC,
        propagation: MS.PRIVATE,
      }),
    prints:
      'mount_setattr(9999, "", AT_EMPTY_PATH|AT_RECURSIVE, ' +
      "{attr_set=MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID, attr_clr=MOUNT_ATTR_NOEXEC, propagation=MS_PRIVATE}, 32)",
    errno: "EBADF",
  },
  { call: () => mount.fsopen("nosuchfs"), prints: 'fsopen("nosuchfs", FSOPEN_CLOEXEC)', errno: "ENODEV" },
  {
    call: () => mount.fsconfigFlag(BAD, "ro"),
    prints: 'fsconfig(9999, FSCONFIG_SET_FLAG, "ro", NULL, 0)',
    errno: "EBADF",
  },
  {
    call: () => mount.fsconfigString(BAD, "size", "1"),
    prints: 'fsconfig(9999, FSCONFIG_SET_STRING, "size", "1", 0)',
    errno: "EBADF",
  },
  {
    call: () => mount.fsconfigFd(BAD, "lowerdir+", BAD),
    prints: 'fsconfig(9999, FSCONFIG_SET_FD, "lowerdir+", NULL, 9999)',
    errno: "EBADF",
  },
  {
    call: () => mount.fsconfigCreate(BAD),
    prints: "fsconfig(9999, FSCONFIG_CMD_CREATE, NULL, NULL, 0)",
    errno: "EBADF",
  },
  {
    call: () => mount.fsmount(BAD, MOUNT_ATTR.NODEV),
    prints: "fsmount(9999, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV)",
    errno: "EBADF",
  },
  {
    call: () => mount.mount("none", NONE, "tmpfs", MS.NOSUID | MS.NODEV, "size=1"),
    prints: `mount("none", "${NONE}", "tmpfs", MS_NOSUID|MS_NODEV, "size=1")`,
    errno: "ENOENT",
  },
  {
    call: () => mount.umount2(NONE, UMOUNT.NOFOLLOW | UMOUNT.DETACH),
    prints: `umount2("${NONE}", MNT_DETACH|UMOUNT_NOFOLLOW)`,
    errno: "ENOENT",
  },
  { call: () => mount.pivotRoot(NONE, "."), prints: `pivot_root("${NONE}", ".")`, errno: "ENOENT" },
  { call: () => proc.unshare(CLONE.FS | 1), prints: "unshare(CLONE_FS|0x1)", errno: "EINVAL" },
  { call: () => proc.setns(BAD, CLONE.NEWNS), prints: "setns(9999, CLONE_NEWNS)", errno: "EBADF" },
  { call: () => proc.chdir(NONE), prints: `chdir("${NONE}")`, errno: "ENOENT" },
  { call: () => proc.fchdir(BAD), prints: "fchdir(9999)", errno: "EBADF" },
  { call: () => proc.chroot(NONE), prints: `chroot("${NONE}")`, errno: "ENOENT" },
  {
    call: () => proc.sethostname("x".repeat(65)),
    prints: `sethostname("${"x".repeat(65)}", 65)`,
    errno: "EINVAL",
  },
  { call: () => proc.kill(0x3fffffff, 15), prints: "kill(1073741823, 15)", errno: "ESRCH" },
  { call: () => file.seekEnd(BAD), prints: "lseek(9999, 0, SEEK_END)", errno: "EBADF" },
  {
    call: () => mount.statmountDev("9007199254740000"),
    prints: "statmount({mnt_id=9007199254740000, param=STATMOUNT_SB_BASIC}, {…}, 512, 0)",
    errno: kernelSince(6, 8) ? "ENOENT" : "ENOSYS",
  },
  { call: () => proc.prctl("PR_SET_DUMPABLE", 4, 77), prints: "prctl(PR_SET_DUMPABLE, 77)", errno: "EINVAL" },
];

test("a refused call prints like strace and keeps the kernel's errno", async (t) => {
  for (const row of rows) {
    await t.test(row.prints, () => {
      assert.throws(row.call, (error) => {
        assert.ok(error instanceof KernelError, String(error));
        assert.deepEqual({ call: error.call, errno: error.errno }, { call: row.prints, errno: row.errno });
        return true;
      });
    });
  }
});

test("hints come from one table, by call and errno", () => {
  assert.throws(
    () => mount.fsopen("nosuchfs"),
    (error) => error instanceof KernelError && /modprobe/.test(error.hint ?? ""),
  );
  assert.throws(
    () => file.openat(AT_FDCWD, NONE, 0),
    (error) => error instanceof KernelError && error.hint === undefined,
  );
  assert.match(hintFor("move_mount", "ENOSPC") ?? "", /fs\.mount-max/);
  assert.match(hintFor("write", "ENOSPC") ?? "", /df -h/);
});

test("a name with a NUL byte never reaches the kernel", () => {
  assert.throws(() => file.openat(AT_FDCWD, "/etc/passwd\0x", 0), { name: "KernelError", errno: "EINVAL" });
  assert.throws(() => file.unlinkat(AT_FDCWD, Uint8Array.of(0x61, 0), false), {
    name: "KernelError",
    errno: "EINVAL",
  });
});
