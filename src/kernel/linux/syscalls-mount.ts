import { cString, systemCall, type Call } from "./ffi.ts";
import { AT, MOUNT_ATTR, MOVE_MOUNT, MS, O, OPEN_TREE, UMOUNT } from "./flags.ts";
import { keyedCall } from "./keyed.ts";
import { bits, fdText, quote, type Name } from "./print.ts";

const rawOpenTree: Call = keyedCall("open_tree", 428, ["int", "void *", "uint"]);
const rawMoveMount: Call = keyedCall("move_mount", 429, ["int", "void *", "int", "void *", "uint"]);
const rawFsopen: Call = keyedCall("fsopen", 430, ["void *", "uint"]);
const rawFsconfig: Call = keyedCall("fsconfig", 431, ["int", "uint", "void *", "void *", "int"]);
const rawFsmount: Call = keyedCall("fsmount", 432, ["int", "uint", "uint"]);
const rawMountSetattr: Call = keyedCall("mount_setattr", 442, ["int", "void *", "uint", "void *", "ulong"]);
const rawMount: Call = keyedCall("mount", [165, 40], ["void *", "void *", "void *", "ulong", "void *"]);
const rawUmount2: Call = keyedCall("umount2", [166, 39], ["void *", "int"]);
const rawStatmount: Call = systemCall("statmount", 457, ["void *", "void *", "ulong", "uint"]);
const rawPivotRoot: Call = keyedCall("pivot_root", [155, 41], ["void *", "void *"]);

/** open_tree(2), Linux 5.2; `flags` of AT and OPEN_TREE. Always OPEN_TREE_CLOEXEC. @throws KernelError */
export function openTree(at: number, path: Name, flags: number): number {
  return rawOpenTree([at, cString(path), flags | O.CLOEXEC], () => {
    const names = [
      bits("OPEN_TREE_", { ...OPEN_TREE, CLOEXEC: O.CLOEXEC }, (flags & OPEN_TREE.CLONE) | O.CLOEXEC),
    ];
    if (flags & ~OPEN_TREE.CLONE) names.push(bits("AT_", AT, flags & ~OPEN_TREE.CLONE));
    return [fdText(at), quote(path), names.join("|")];
  });
}

/** move_mount(2) of what `tree` refers to onto what `place` refers to, both by descriptor. @throws KernelError */
export function moveMount(tree: number, place: number): void {
  const flags = MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH;
  rawMoveMount([tree, "", place, "", flags], () => [
    fdText(tree),
    '""',
    fdText(place),
    '""',
    bits("MOVE_MOUNT_", MOVE_MOUNT, flags),
  ]);
}

/** What mount_setattr(2) changes; bits of MOUNT_ATTR, and a propagation type of MS. */
export type MountAttr = {
  readonly set?: number;
  readonly clear?: number;
  readonly propagation?: number;
  readonly usernsFd?: number;
};

function attrText(attr: MountAttr): string {
  const parts: string[] = [];
  if (attr.set) parts.push(`attr_set=${bits("MOUNT_ATTR_", MOUNT_ATTR, attr.set)}`);
  if (attr.clear) parts.push(`attr_clr=${bits("MOUNT_ATTR_", MOUNT_ATTR, attr.clear)}`);
  if (attr.propagation) parts.push(`propagation=${bits("MS_", MS, attr.propagation)}`);
  if (attr.usernsFd !== undefined) parts.push(`userns_fd=${attr.usernsFd}`);
  return `{${parts.join(", ")}}`;
}

/** mount_setattr(2), Linux 5.12. @throws KernelError */
export function mountSetattr(at: number, path: Name, flags: number, attr: MountAttr): void {
  const struct = Buffer.alloc(32);
  struct.writeBigUInt64LE(BigInt(attr.set ?? 0), 0);
  struct.writeBigUInt64LE(BigInt(attr.clear ?? 0), 8);
  struct.writeBigUInt64LE(BigInt(attr.propagation ?? 0), 16);
  struct.writeBigUInt64LE(BigInt(attr.usernsFd ?? 0), 24);
  rawMountSetattr([at, cString(path), flags, struct, 32], () => [
    fdText(at),
    quote(path),
    bits("AT_", AT, flags),
    attrText(attr),
    "32",
  ]);
}

/** fsopen(2), Linux 5.2: a context to configure a file system in. Always FSOPEN_CLOEXEC. @throws KernelError ENODEV for an unknown type */
export function fsopen(type: string): number {
  return rawFsopen([cString(type), 1], () => [quote(type), "FSOPEN_CLOEXEC"]);
}

/** fsconfig(2) FSCONFIG_SET_FLAG. @throws KernelError */
export function fsconfigFlag(fs: number, key: string): void {
  rawFsconfig([fs, 0, key, null, 0], () => [String(fs), "FSCONFIG_SET_FLAG", quote(key), "NULL", "0"]);
}

/** fsconfig(2) FSCONFIG_SET_STRING; a value has at most 255 bytes. @throws KernelError */
export function fsconfigString(fs: number, key: string, value: string): void {
  rawFsconfig([fs, 1, key, cString(value), 0], () => [
    String(fs),
    "FSCONFIG_SET_STRING",
    quote(key),
    quote(value),
    "0",
  ]);
}

/** fsconfig(2) FSCONFIG_SET_FD. @throws KernelError */
export function fsconfigFd(fs: number, key: string, fd: number): void {
  rawFsconfig([fs, 5, key, null, fd], () => [String(fs), "FSCONFIG_SET_FD", quote(key), "NULL", fdText(fd)]);
}

/** fsconfig(2) FSCONFIG_CMD_CREATE; `about` says what was configured, for messages. @throws KernelError */
export function fsconfigCreate(fs: number, about?: string): void {
  const what = about === undefined ? String(fs) : `${fs}<${about}>`;
  rawFsconfig([fs, 6, null, null, 0], () => [what, "FSCONFIG_CMD_CREATE", "NULL", "NULL", "0"]);
}

/** fsmount(2): a detached mount of a created context; `attributes` of MOUNT_ATTR. @throws KernelError */
export function fsmount(fs: number, attributes = 0): number {
  return rawFsmount([fs, 1, attributes], () => [
    String(fs),
    "FSMOUNT_CLOEXEC",
    bits("MOUNT_ATTR_", MOUNT_ATTR, attributes),
  ]);
}

/** What stands for mount(2)'s target and data in messages. */
export type MountText = { readonly target: string; readonly data: string };

/** mount(2); data beyond 4095 bytes would be cut silently and is refused here. @throws KernelError */
export function mount(
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
  shown?: () => MountText,
): void {
  const text = (value: string | null): string => (value === null ? "NULL" : quote(value));
  const string = (value: string | null): string | Buffer | null => (value === null ? null : cString(value));
  if (data !== null && Buffer.byteLength(data) > 4095)
    throw new RangeError("mount(2) takes 4095 bytes of options");
  rawMount([string(source), cString(target), string(type), flags, string(data)], () => {
    const words = shown?.() ?? { target, data };
    return [text(source), quote(words.target), text(type), bits("MS_", MS, flags), text(words.data)];
  });
}

/** umount2(2); `flags` of UMOUNT; `shown` stands for the target in messages. @throws KernelError EBUSY where it is held. */
export function umount2(target: string, flags: number, shown: string = target): void {
  rawUmount2([cString(target), flags], () => [quote(shown), umountFlags(flags)]);
}

function umountFlags(flags: number): string {
  return bits("MNT_", UMOUNT, flags).replace("MNT_NOFOLLOW", "UMOUNT_NOFOLLOW");
}

/** pivot_root(2). @throws KernelError */
export function pivotRoot(newRoot: string, putOld: string): void {
  rawPivotRoot([cString(newRoot), cString(putOld)], () => [quote(newRoot), quote(putOld)]);
}

/** statmount(2), Linux 6.8: the device of a mount of this namespace, by its unique id, as mountinfo prints it. @throws KernelError */
export function statmountDev(unique: string): string {
  const request = Buffer.alloc(24);
  request.writeUInt32LE(24, 0);
  request.writeBigUInt64LE(BigInt(unique), 8);
  request.writeBigUInt64LE(1n, 16); // STATMOUNT_SB_BASIC
  const answer = Buffer.alloc(512);
  rawStatmount([request, answer, 512, 0], () => [
    `{mnt_id=${unique}, param=STATMOUNT_SB_BASIC}`,
    "{…}",
    "512",
    "0",
  ]);
  return `${answer.readUInt32LE(16)}:${answer.readUInt32LE(20)}`;
}
