/** What strerror(3) says, for the errors the calls envctl makes can give. */
const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
  EINTR: "interrupted system call",
  EIO: "input/output error",
  ENOEXEC: "exec format error",
  EBADF: "bad file descriptor",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "cannot allocate memory",
  EACCES: "permission denied",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EXDEV: "invalid cross-device link",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  EMFILE: "too many open files",
  ETXTBSY: "text file busy",
  EFBIG: "file too large",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  ERANGE: "numerical result out of range",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "function not implemented",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many levels of symbolic links",
  EOVERFLOW: "value too large for defined data type",
  EOPNOTSUPP: "operation not supported",
  ENODATA: "no data available",
  ESTALE: "stale file handle",
  EDQUOT: "disk quota exceeded",
};

/** `EBUSY: device or resource busy`; a name that is not known stands alone. */
export function errnoText(errno: string): string {
  const sentence = SENTENCES[errno];
  return sentence === undefined ? errno : `${errno}: ${sentence}`;
}
