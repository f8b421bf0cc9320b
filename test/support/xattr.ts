// Extended attributes, for which Node has no call.
import koffi from "koffi";

const lgetxattr = koffi
  .load(null)
  .func("long lgetxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)");

/** The value of an attribute of a file itself (symlinks are not followed); undefined where it has none, or none can be read. */
export function xattr(path: string, name: string): string | undefined {
  const value = Buffer.alloc(256);
  const length = lgetxattr(path, name, value, value.length) as number;
  return length < 0 ? undefined : value.toString("latin1", 0, length);
}

const lsetxattr = koffi
  .load(null)
  .func("int lsetxattr(const char *path, const char *name, const char *value, size_t size, int flags)");

/** Sets an attribute of a file itself. */
export function setXattr(path: string, name: string, value: string): void {
  if ((lsetxattr(path, name, value, value.length, 0) as number) !== 0)
    throw new Error(`${name} cannot be set on ${path}`);
}
